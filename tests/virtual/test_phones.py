from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import farm
from farm import virtual
from farm.errors import DeviceGoneError, InfrastructureError
from farm.virtual.process import Process

from .bench import ADB, Adb, Bench, wait_until

CHECKOUT = Path(farm.__file__).resolve().parent.parent
NOBODY = 65534


def _children(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _keeper(phone: virtual.VirtualPhone) -> int:
    return int(Path(f"/proc/{phone.pid}/stat").read_text().rpartition(")")[2].split()[1])


def test_three_at_once_and_one_more(adb: Adb, lab: Path) -> None:
    phones = virtual.up(lab, 3, owner_pid=os.getpid())
    phones += virtual.up(lab, owner_pid=os.getpid())
    assert [phone.name for phone in phones] == ["virtual-1", "virtual-2", "virtual-3", "virtual-4"]
    assert virtual.listed(lab) == phones
    assert len({phone.pid for phone in phones}) == len({phone.port for phone in phones}) == 4
    assert not {phone.port for phone in phones} & set(range(5555, 5586))
    for phone in phones:
        adb.connect(phone)
        Bench(adb, phone).shell(f"echo {phone.name} > /data/local/tmp/name")
    for phone in phones:
        assert Bench(adb, phone).shell("cat /data/local/tmp/name; uname -n") == f"{phone.name}\n" * 2
    assert virtual.down(lab, ["virtual-2"]) == [phones[1]]
    assert [phone.name for phone in virtual.listed(lab)] == ["virtual-1", "virtual-3", "virtual-4"]
    assert [phone.name for phone in virtual.up(lab, owner_pid=os.getpid())] == ["virtual-2"]
    assert len(virtual.down(lab)) == 4
    assert virtual.listed(lab) == []
    assert list(lab.iterdir()) == []


def test_a_frozen_phone_hangs_and_goes_on_when_thawed(adb: Adb, lab: Path) -> None:
    frozen, other = virtual.up(lab, 2, owner_pid=os.getpid())
    for phone in (frozen, other):
        adb.connect(phone)
    virtual.freeze(frozen)
    client = Bench(adb, frozen).start("shell", "echo thawed")
    with pytest.raises(subprocess.TimeoutExpired):
        client.wait(1)
    assert adb.state(frozen) == "device", "the state is no proof of life"
    assert Bench(adb, other).shell("echo other") == "other\n"
    assert frozen in virtual.listed(lab)
    virtual.thaw(frozen)
    out, _ = client.communicate(timeout=30)
    assert (client.returncode, out) == (0, b"thawed\n")


def test_a_killed_phone_is_gone_with_all_that_ran_on_it(adb: Adb, lab: Path) -> None:
    phone, other = virtual.up(lab, 2, owner_pid=os.getpid())
    adb.connect(phone)
    bench = Bench(adb, phone)
    bench.shell("sleep 98765 > /dev/null 2>&1 < /dev/null &")
    init = next(pid for pid in _children(_keeper(phone)) if pid != phone.pid)
    processes = [Process.of(pid) for pid in (init, phone.pid, *_children(init))]
    client = bench.start("shell", "sleep 60")
    wait_until(lambda: "sleep 60" in bench.shell("ps -A -o ARGS"))
    virtual.kill(phone)
    assert not any(process.alive() for process in processes)
    client.communicate(timeout=30)
    assert client.returncode != 0
    wait_until(lambda: adb.state(phone) != "device")
    assert virtual.listed(lab) == [other]
    for action in (virtual.kill, virtual.freeze, virtual.thaw):
        with pytest.raises(DeviceGoneError):
            action(phone)


def test_down_ends_a_frozen_phone(lab: Path) -> None:
    (phone,) = virtual.up(lab, owner_pid=os.getpid())
    virtual.freeze(phone)
    assert virtual.down(lab) == [phone]
    assert list(lab.iterdir()) == []


@pytest.mark.parametrize(
    ("whom", "number"),
    [
        ("host", signal.SIGTERM),
        ("keeper", signal.SIGTERM),
        ("host", signal.SIGKILL),
        ("keeper", signal.SIGKILL),
        ("init", signal.SIGKILL),  # process 1 of a namespace ignores SIGTERM
    ],
)
def test_whichever_process_ends_all_end(lab: Path, whom: str, number: signal.Signals) -> None:
    (phone,) = virtual.up(lab, owner_pid=os.getpid())
    keeper = _keeper(phone)
    init = next(pid for pid in _children(keeper) if pid != phone.pid)
    processes = [Process.of(pid) for pid in (keeper, init, phone.pid)]
    os.kill({"host": phone.pid, "keeper": keeper, "init": init}[whom], number)
    wait_until(lambda: not any(process.alive() for process in processes))
    assert virtual.listed(lab) == []
    assert not phone.root.exists()


@pytest.mark.parametrize("frozen", [False, True])
def test_phones_end_with_their_owner(lab: Path, frozen: bool) -> None:  # pytest
    with subprocess.Popen(["sleep", "600"]) as owner:
        (phone,) = virtual.up(lab, owner_pid=owner.pid)
        if frozen:
            virtual.freeze(phone)
        process = Process.of(phone.pid)
        owner.kill()
    wait_until(lambda: not process.alive() and not phone.root.exists())


def test_an_owner_that_has_ended_owns_nothing(lab: Path) -> None:
    with subprocess.Popen(["true"]) as owner:
        pass
    with pytest.raises(InfrastructureError, match="owner"):
        virtual.up(lab, owner_pid=owner.pid)
    assert list(lab.iterdir()) == []


def test_phones_outlive_the_process_that_started_them(lab: Path) -> None:
    code = "import sys; from pathlib import Path; from farm import virtual; virtual.up(Path(sys.argv[1]))"
    environment = os.environ | {"PYTHONPATH": str(CHECKOUT)}
    subprocess.run([sys.executable, "-c", code, str(lab)], check=True, timeout=60, env=environment)
    (phone,) = virtual.listed(lab)
    assert virtual.down(lab) == [phone]


def test_a_dead_phone_is_forgotten_and_its_process_number_spared(lab: Path) -> None:
    (phone,) = virtual.up(lab, owner_pid=os.getpid())
    virtual.down(lab)
    with subprocess.Popen(["sleep", "600"]) as stranger:
        place = lab / "virtual-1"
        place.mkdir()
        process = {"pid": stranger.pid, "start": 1, "boot": "another"}
        record = {"name": "virtual-1", "port": phone.port, "abi": phone.abi, "process": process}
        (place / "phone.json").write_text(json.dumps(record))
        assert virtual.listed(lab) == []
        assert not place.exists()
        assert stranger.poll() is None
        stranger.kill()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"process": 1}', '{"process": {"pid": "x"}}'])
def test_a_broken_state_file_is_no_phone(lab: Path, text: str) -> None:
    (lab / "virtual-1").mkdir(parents=True)
    (lab / "virtual-1/phone.json").write_text(text)
    assert virtual.listed(lab) == []


def test_without_mksh_and_toybox_it_says_what_to_install(lab: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(lab))
    with pytest.raises(InfrastructureError, match="mksh and toybox") as caught:
        virtual.up(lab)
    assert caught.value.remedy == "apt install mksh toybox"


def test_where_namespaces_are_forbidden_it_says_how_to_allow_them(tmp_path: Path) -> None:
    code = """
import sys
from pathlib import Path
from farm import virtual
from farm.errors import InfrastructureError
Path("/proc/sys/user/max_user_namespaces").write_text("0")
try:
    virtual.up(Path(sys.argv[1]), 2)
except InfrastructureError as error:
    print(error, "|", error.remedy)
"""
    done = subprocess.run(
        ["unshare", "--user", "--map-root-user", sys.executable, "-c", code, str(tmp_path / "phones")],
        capture_output=True, text=True, timeout=60, env=os.environ | {"PYTHONPATH": str(CHECKOUT)}, check=False,
    )  # fmt: skip
    assert "the kernel does not let" in done.stdout, done
    for word in ("max_user_namespaces", "unprivileged_userns_clone", "apparmor_restrict", "seccomp"):
        assert word in done.stdout
    assert list((tmp_path / "phones").iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another; run as a user, every test is this test")
def test_an_ordinary_user_has_phones_too(open_folder: Path) -> None:
    folder = open_folder
    code = """
import os, subprocess, sys
from pathlib import Path
from farm import virtual
folder, adb, server = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
(phone,) = virtual.up(folder, storage_bytes=1 << 20, owner_pid=os.getpid())
try:
    def run(*arguments):
        command = [adb, "-P", server, *arguments]
        return subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=30).stdout
    run("connect", phone.serial)
    print(run("-s", phone.serial, "shell", "id -u; grep CapEff /proc/self/status; cat /proc/1/environ; ls -ld /data/local/tmp"))
    (folder / "file").write_text("pushed")
    run("-s", phone.serial, "push", str(folder / "file"), "/data/local/tmp/file")
    print(run("-s", phone.serial, "shell", "cat /data/local/tmp/file; mkdir -m 0 /data/local/tmp/locked"))
finally:
    run("kill-server")
    virtual.down(folder)
print(sorted(path.name for path in folder.iterdir()))
"""
    environment = {
        "PATH": os.environ["PATH"], "PYTHONPATH": str(CHECKOUT), "HOME": str(folder),
        "ADB_LOCAL_TRANSPORT_MAX_PORT": "5554", "ADB_MDNS": "0", "ADB_USB": "0",
    }  # fmt: skip
    python = _python_for_everyone()
    with subprocess.Popen(
        [python, "-c", code, str(folder), ADB, str(_free_port())],
        user=NOBODY, group=NOBODY, extra_groups=[], cwd="/",
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment,
    ) as process:  # fmt: skip
        out, err = process.communicate(timeout=100)
    assert process.returncode == 0, err
    assert out.startswith("2000\nCapEff:\t0000000000000000\n"), (out, err)
    assert "shell shell" in out
    assert str(folder) not in out, "the environment of the one who started it"
    assert "pushed" in out
    assert "virtual" not in out.splitlines()[-1]


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder of nobody's; pytest's own are closed to others."""
    with tempfile.TemporaryDirectory() as name:
        os.chown(name, NOBODY, NOBODY)
        yield Path(name)


def _python_for_everyone() -> str:
    for python in (sys.executable, "/usr/bin/python3", "/usr/local/bin/python3"):
        try:
            done = subprocess.run(
                [python, "-c", "import sys, farm.virtual; sys.exit(sys.version_info < (3, 11))"],
                user=NOBODY, group=NOBODY, extra_groups=[], cwd="/", check=False, capture_output=True,
                env={"PATH": os.environ["PATH"], "PYTHONPATH": str(CHECKOUT)},
            )  # fmt: skip
        except OSError:
            continue
        if done.returncode == 0:
            return python
    pytest.skip("no Python 3.11, or not the checkout, is open to other users")


def _free_port() -> int:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port
