"""Only one agent measures: leases, deadlines, and hosts that go away. With real processes."""

from __future__ import annotations

import fcntl
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from farm.capture import exray_pb2 as pb

from .kit import NATIVE, Bench, convolution_model, read

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Start = Callable[..., subprocess.Popen[bytes]]

SUPERSEDED, HELD, LATE = "lease-superseded", "lease-held", "deadline-exceeded"
EXIT_INFRASTRUCTURE = 3


@pytest.fixture
def start(strict: Bench, tmp_path: Path) -> Iterator[Start]:
    """Starts agents with hours of work, each with a capture of its own; ends those that are left."""
    model = strict.file("conv.tflite", convolution_model())
    # a million repetitions of one frame take a fast computer four seconds
    frames = strict.tensors(*[[np.zeros((1, 8, 8, 3), np.float32)]] * 100)
    processes: list[subprocess.Popen[bytes]] = []

    def begin(*options: str | Path, runtime: Path = strict.runtime, stdin: Any = subprocess.DEVNULL) -> Any:
        out = tmp_path / f"{len(processes)}.mcap"
        fixed: list[str | Path] = ["--runtime", runtime, "--model", model, "--frames", frames, "--out", out]
        command = [strict.agent, "run", *fixed, "--pass", "latency", "--repetitions", "1000000", *options]
        pipe = subprocess.PIPE
        processes.append(subprocess.Popen(command, stdin=stdin, stdout=pipe, stderr=pipe))
        return processes[-1]

    yield begin
    for process in processes:
        with process:
            process.kill()


@pytest.fixture(scope="module")
def hanging(strict: Bench) -> Path:
    """A runtime that never comes back from its first call."""
    header = (NATIVE / "src" / "litert_abi.h").read_text()
    names = re.findall(r"^ +X\([A-Za-z *]+, (\w+),", header, re.MULTILINE)
    assert len(names) > 40
    functions = "".join(f"void LiteRt{name}(void) {{ for (;;) pause(); }}\n" for name in [*names, "CreateModelFromFd"])
    source = strict.file("hanging.c", b"int pause(void);\n" + functions.encode())
    subprocess.run(["cc", "-shared", "-fPIC", "-o", strict.folder / "hanging.so", source], check=True)
    return strict.folder / "hanging.so"


def wait_until_measuring(process: subprocess.Popen[bytes]) -> None:
    assert process.stdout is not None
    assert "progress" in json.loads(process.stdout.readline())


def error(process: subprocess.Popen[bytes]) -> dict[str, str]:
    _, stderr = process.communicate(timeout=30)
    assert process.returncode == EXIT_INFRASTRUCTURE, stderr
    assert b"Sanitizer" not in stderr, stderr
    told: dict[str, str] = json.loads(stderr.splitlines()[-1])["error"]
    assert told["kind"] == "infrastructure"
    return told


def test_newer_lease_ends_the_older_agent_before_it_measures(start: Start, tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    old = start("--lease", "41", "--lock", lock)
    wait_until_measuring(old)
    assert lock.read_text().split() == [str(old.pid), "41"]
    new = start("--lease", "42", "--lock", lock)
    wait_until_measuring(new)
    assert old.wait(timeout=30) == 128 + signal.SIGTERM
    ended = max(m.start_ns + m.invoke_ns for m in read(tmp_path / "0.mcap").of(pb.Frame))
    new.terminate()
    assert new.wait(timeout=30) == 128 + signal.SIGTERM
    assert ended < min(m.start_ns for m in read(tmp_path / "1.mcap").of(pb.Frame))


def test_same_lease_takes_over(start: Start, tmp_path: Path) -> None:
    first = start("--lease", "7", "--lock", tmp_path / "lock")
    wait_until_measuring(first)
    wait_until_measuring(start("--lease", "7", "--lock", tmp_path / "lock"))
    assert first.wait(timeout=30) == 128 + signal.SIGTERM


def test_older_lease_is_refused_while_a_newer_one_measures_and_afterwards(start: Start, tmp_path: Path) -> None:
    new = start("--lease", "18446744073709551615", "--lock", tmp_path / "lock")
    wait_until_measuring(new)
    told = error(start("--lease", "18446744073709551614", "--lock", tmp_path / "lock"))
    assert (told["code"], told["where"]) == (SUPERSEDED, str(tmp_path / "lock"))
    assert new.poll() is None
    new.kill()
    new.wait()
    assert error(start("--lease", "5", "--lock", tmp_path / "lock"))["code"] == SUPERSEDED


def test_agent_that_was_killed_leaves_no_lock_behind(start: Start, tmp_path: Path) -> None:
    first = start("--lease", "1", "--lock", tmp_path / "lock")
    wait_until_measuring(first)
    first.kill()
    first.wait()
    wait_until_measuring(start("--lease", "1", "--lock", tmp_path / "lock"))


def test_agent_that_hangs_is_killed(start: Start, tmp_path: Path, hanging: Path) -> None:
    # Stopped, it does not even hear SIGTERM; its runtime would not let it end either.
    old = start("--lease", "1", "--lock", tmp_path / "lock", runtime=hanging)
    while not (tmp_path / "lock").exists() or not (tmp_path / "lock").read_text():
        assert old.poll() is None
    os.kill(old.pid, signal.SIGSTOP)
    wait_until_measuring(start("--lease", "2", "--lock", tmp_path / "lock"))
    assert old.wait(timeout=30) == -signal.SIGKILL


@pytest.mark.slow
def test_stranger_who_holds_the_lock_is_left_alone(start: Start, tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    code = "import fcntl, sys, time; f = open(sys.argv[1], 'r+'); fcntl.flock(f, 2); print(flush=True); time.sleep(60)"
    lock.write_text("")
    # It even carries an agent's option, but the record in the file is not its own number's.
    with subprocess.Popen([sys.executable, "-c", code, lock, "--lease"], stdout=subprocess.PIPE) as stranger:
        assert stranger.stdout is not None
        stranger.stdout.readline()
        told = error(start("--lease", "9", "--lock", lock))
        assert (told["code"], told["where"]) == (HELD, str(lock))
        assert stranger.poll() is None
        stranger.kill()


def test_number_that_passed_to_a_stranger_ends_nobody(start: Start, tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    with subprocess.Popen(["sleep", "60"]) as stranger:
        lock.write_text(f"{stranger.pid:10d} {3:20d}\n")
        wait_until_measuring(start("--lease", "3", "--lock", lock))
        assert stranger.poll() is None
        stranger.kill()


@pytest.mark.parametrize("text", ["", "x", "-1 5", "99999999999999999999 1", "\0" * 100, "1"])
def test_record_of_garbage_is_no_lease(start: Start, tmp_path: Path, text: str) -> None:
    (tmp_path / "lock").write_text(text)
    wait_until_measuring(start("--lease", "1", "--lock", tmp_path / "lock"))


def test_lock_that_cannot_be_had(start: Start, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    for lock in (tmp_path / "none" / "lock", tmp_path, tmp_path / "link"):
        assert error(start("--lease", "1", "--lock", lock))["code"] == HELD
    assert not (tmp_path / "elsewhere").exists()


def test_of_many_at_once_the_newest_remains(start: Start, tmp_path: Path) -> None:
    agents = [start("--lease", str(token), "--lock", tmp_path / "lock") for token in (3, 1, 5, 2, 4)]
    newest = agents[2]
    wait_until_measuring(newest)
    for agent in agents:
        if agent is not newest:
            assert agent.wait(timeout=30) in (EXIT_INFRASTRUCTURE, 128 + signal.SIGTERM, -signal.SIGTERM)
    assert newest.poll() is None
    with (tmp_path / "lock").open() as lock, pytest.raises(BlockingIOError):
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)


@pytest.mark.slow
def test_deadline_ends_a_pass_with_what_it_has(start: Start, tmp_path: Path) -> None:
    process = start("--deadline", "4")  # a busy computer takes more than one second to load the model
    told = error(process)
    assert (told["code"], "4 seconds" in told["message"]) == (LATE, True)
    capture = read(tmp_path / "0.mcap")
    assert capture.of(pb.Frame)
    assert not capture.of(pb.End)
    assert [c.when for c in capture.of(pb.Conditions)] == [pb.Conditions.BEFORE, pb.Conditions.AFTER]


def test_deadline_holds_when_the_runtime_hangs(start: Start, hanging: Path) -> None:
    assert error(start("--deadline", "1", runtime=hanging))["code"] == LATE


def test_tethered_agent_ends_with_stdin(start: Start, tmp_path: Path) -> None:
    process = start("--tether", "stdin", stdin=subprocess.PIPE)
    wait_until_measuring(process)
    assert process.stdin is not None
    process.stdin.write(b"what comes in means nothing\n")
    process.stdin.flush()
    assert process.stdout is not None
    process.stdout.readline()
    assert process.poll() is None
    process.stdin.close()
    process.stdin = None
    assert process.wait(timeout=30) == 128 + signal.SIGHUP
    assert read(tmp_path / "0.mcap").of(pb.Frame)


def test_tethered_agent_ends_with_stdin_when_the_runtime_hangs(start: Start, hanging: Path) -> None:
    process = start("--tether", "stdin", runtime=hanging)
    assert process.wait(timeout=30) == 128 + signal.SIGHUP


def test_host_that_goes_away_ends_an_agent_that_hangs(start: Start, hanging: Path) -> None:
    process = start(runtime=hanging)
    assert process.stdout is not None
    process.stdout.close()
    assert process.wait(timeout=30) == 128 + signal.SIGPIPE


def test_untethered_agent_minds_no_stdin(start: Start) -> None:
    wait_until_measuring(start())
