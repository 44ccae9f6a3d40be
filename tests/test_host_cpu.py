"""One measurement at a time on this computer, also across processes, and after a death."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from farm import host_cpu
from farm.errors import StorageError

HOLD = """
import sys, time
from pathlib import Path
from farm import host_cpu
with host_cpu.held(lambda: None, Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


class GiveUpError(Exception):
    pass


def give_up() -> None:
    raise GiveUpError


def taken(path: Path) -> bool:
    try:
        with host_cpu.held(give_up, path):
            return False
    except GiveUpError:
        return True


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "lock" / "host-cpu.lock"


def test_two_threads_never_hold_it_together(path: Path) -> None:
    inside, most, lock = 0, 0, threading.Lock()

    def measure() -> None:
        nonlocal inside, most
        for _ in range(20):
            with host_cpu.held(lambda: None, path):
                with lock:
                    inside += 1
                    most = max(most, inside)
                with lock:
                    inside -= 1

    threads = [threading.Thread(target=measure) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1


def test_another_process_holds_it_until_it_is_killed(path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        assert taken(path)
        os.kill(other.pid, signal.SIGKILL)
        other.wait()
        assert not taken(path)


def test_whoever_waits_is_asked_and_may_give_up(path: Path) -> None:
    with host_cpu.held(lambda: None, path):
        assert taken(path)
    assert not taken(path)


def test_an_error_inside_releases_it(path: Path) -> None:
    with pytest.raises(GiveUpError), host_cpu.held(lambda: None, path):
        give_up()
    assert not taken(path)


def test_a_lock_that_is_no_file_of_ours_is_refused(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    for bad in (tmp_path, tmp_path / "link"):
        with pytest.raises(StorageError, match="cannot be used"), host_cpu.held(lambda: None, bad):
            pass
    assert not (tmp_path / "elsewhere").exists()


def test_the_lock_is_the_users_of_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(host_cpu.VARIABLE, raising=False)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    assert host_cpu.lock_file() == tmp_path / "farm" / "host-cpu.lock"
    monkeypatch.delenv("XDG_RUNTIME_DIR")
    assert str(os.getuid()) in str(host_cpu.lock_file())
    monkeypatch.setenv(host_cpu.VARIABLE, str(tmp_path / "x"))
    assert host_cpu.lock_file() == tmp_path / "x"
