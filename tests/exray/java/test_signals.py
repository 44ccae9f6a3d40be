"""The virtual machine's own use of signals is not disturbed, and what waits is written when it does crash."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from farm.capture import recover

from .kit import command, recorded

if TYPE_CHECKING:
    from farm.store.artifacts import ArtifactStore

EXPECTED = "28572 18182 50"
"""Null pointers, divisions by zero and full stacks that Signals.java brings about."""
C1 = "-XX:TieredStopAtLevel=1"
"""This compiler makes every null check a SIGSEGV; C2 writes tests in after a few."""


def no_cores() -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def start(classes: Path, path: Path, end: str, *machine: str, preload: str = "") -> subprocess.Popen[str]:
    options = (*machine, f"-XX:ErrorFile={path}.txt")
    return subprocess.Popen(
        command(classes, "Signals", path, end, machine=options), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        text=True, env=os.environ | {"LD_PRELOAD": preload}, preexec_fn=no_cores,  # noqa: PLW1509  # no thread of ours forks meanwhile
    )  # fmt: skip


@pytest.mark.parametrize("machine", [[], [C1], ["-Xint"], ["-XX:+UseSerialGC", C1]])
def test_null_checks_and_full_stacks_stay_the_virtual_machines(
    machine: list[str], classes: Path, tmp_path: Path, artifacts: ArtifactStore
) -> None:
    path = tmp_path / "app.mcap"
    with start(classes, path, "none", *machine) as process:
        out, _ = process.communicate(timeout=120)
    assert (process.returncode, out.strip()) == (0, EXPECTED)
    found = recorded(path, artifacts)
    assert found.complete
    assert [int(r.value) for r in found.element_rows(artifacts)] == list(map(int, EXPECTED.split()))


@pytest.mark.parametrize("chained", [False, True], ids=["plain", "libjsig"])
def test_what_waits_is_written_when_it_crashes(
    chained: bool, classes: Path, tmp_path: Path, artifacts: ArtifactStore
) -> None:
    """After thousands of signals that were no crash; also where the JDK's own library hands signals on."""
    path = tmp_path / "app.mcap"
    jsig = Path(shutil.which("java") or "").resolve().parents[1] / "lib" / "libjsig.so"
    with start(classes, path, "crash", C1, preload=str(jsig) if chained else "") as process:
        out, _ = process.communicate(timeout=120)
    assert process.returncode == -signal.SIGABRT, "it still dies of what it dies of"
    assert (tmp_path / "app.mcap.txt").exists(), "and still says why"
    assert out.startswith(EXPECTED)
    found = recorded(path, artifacts)
    assert not found.complete
    assert (len(found.frame_times(artifacts)), len(found.frames)) == (501, 500)


def test_a_killed_app_leaves_whole_chunks(classes: Path, tmp_path: Path, artifacts: ArtifactStore) -> None:
    path = tmp_path / "app.mcap"
    with start(classes, path, "wait") as process:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == EXPECTED
        process.stdout.readline()
        before = path.stat().st_size
        for _ in range(200):
            if path.stat().st_size > before + 70_000:
                break
            threading.Event().wait(0.1)
        process.kill()
    recover.recover(path, tmp_path / "whole.mcap")
    found = recorded(tmp_path / "whole.mcap", artifacts)
    times = [t for t in found.frame_times(artifacts) if t.name != "signals"]
    assert len(times) > 500
    for time in (t for t in times if t.index in found.frames):
        (tensor,) = found.tensors(artifacts, time.index).values()
        assert tensor.tolist() == [int(time.name)]
