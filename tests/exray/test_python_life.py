"""What becomes of frames and captures when an app does not go straight: errors, generators, tasks, forks, its end."""

from __future__ import annotations

import asyncio
import os
import threading
from typing import TYPE_CHECKING

import exray
import numpy as np
import pytest

from farm.store.artifacts import ArtifactStore
from tests.exray.python_kit import BACKENDS, app, frames, ran, recorded

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def artifacts(tmp_path: Path) -> ArtifactStore:
    return ArtifactStore(tmp_path / "artifacts")


@pytest.fixture(params=BACKENDS, autouse=True)
def backend(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXRAY_PURE", BACKENDS[request.param])


class BrokenError(RuntimeError):
    """Of an app."""


def test_what_fails_is_logged_up_to_there(tmp_path: Path, artifacts: ArtifactStore) -> None:
    def fails() -> None:
        raise BrokenError

    with exray.open(tmp_path / "app.mcap") as log:
        for way in ("frame", "inference", "span", "run"):
            with pytest.raises(BrokenError), log.frame(way) as frame:  # noqa: PT012
                frame.scalar("before", 1)
                if way == "inference":
                    with frame.inference():
                        fails()
                if way == "span":
                    with frame.span("a part"):
                        fails()
                if way == "run":
                    frame.run(fails)
                fails()
    found = recorded(tmp_path / "app.mcap", artifacts)
    assert found.complete
    times = {t.name: t for t in found.frame_times(artifacts)}
    assert times.keys() == {"frame", "inference", "span", "run"}
    assert {n for n, t in times.items() if t.invoke_ns > 0} == {"inference", "run"}
    rows = found.element_rows(artifacts)
    assert [r.kind for r in rows].count("scalar") == 4
    assert [r.name for r in rows if r.kind == "span"] == ["a part"]


def test_a_generator_that_is_left_ends_its_frame(tmp_path: Path, artifacts: ArtifactStore) -> None:
    log = exray.open(tmp_path / "app.mcap")

    def numbers() -> Iterator[int]:
        for i in range(10):
            with log.frame(str(i)):
                yield i

    for i in (left := numbers()):
        if i == 3:
            break
    left.close()  # type: ignore[attr-defined]
    assert log.close().frames == 4
    assert [t.name for t in recorded(tmp_path / "app.mcap", artifacts).frame_times(artifacts)] == ["0", "1", "2", "3"]


def test_tasks_have_frames_of_their_own(tmp_path: Path, artifacts: ArtifactStore) -> None:
    async def work(log: exray.Capture, number: int) -> None:
        with log.frame(str(number)) as frame:
            frame.input(0, np.array([number]), index=0)
            await asyncio.sleep(0)
            with frame.inference():
                await asyncio.sleep(0)
            frame.output(0, np.array([-number]), index=1)

    async def main(log: exray.Capture) -> None:
        await asyncio.gather(*(work(log, number) for number in range(40)))

    with exray.open(tmp_path / "app.mcap") as log:
        asyncio.run(main(log))
    found = recorded(tmp_path / "app.mcap", artifacts)
    times = found.frame_times(artifacts)
    assert len(times) == 40
    for time in times:
        tensors = found.tensors(artifacts, time.index)
        assert (tensors[0].tolist(), tensors[1].tolist()) == ([int(time.name)], [-int(time.name)])


def test_more_frames_than_can_be_open_are_counted(tmp_path: Path) -> None:
    log = exray.open(tmp_path / "app.mcap")
    opened = [log.frame() for _ in range(70)]
    for frame in opened:
        frame.__enter__()
        frame.scalar("x", 1)
    for frame in opened:
        frame.__exit__(None, None, None)
    totals = log.close()
    assert (totals.frames, totals.dropped) == (64, 6)


def test_all_is_harmless_after_the_end(tmp_path: Path) -> None:
    path = tmp_path / "app.mcap"
    log = exray.open(path)
    with log.frame() as frame:
        pass
    frame.scalar("late", 1)
    with log.frame() as opened:
        totals = log.close()
        size = path.stat().st_size
        for late in (frame, opened):
            late.image("frame", np.zeros((4, 4, 3), np.uint8))
            late.output(0, np.zeros(4))
            late.text("t", "text")
            late.bytes("b", b"bytes")
            late.scalar("s", 1)
            assert not late.check(False, "it holds")
            with late.span("s"), late.inference():
                pass
            assert late.run(abs, -3) == 3
    with log.frame() as after:
        after.scalar("s", 1)
    log.sensor("light", 1.0)
    log.flush()
    assert log.close() == log.count() == totals
    assert path.stat().st_size == size == totals.bytes
    assert frames(path) == 1


def test_threads_may_log_while_it_is_closed(tmp_path: Path) -> None:
    for round_ in range(5):
        log = exray.open(tmp_path / f"{round_}.mcap", ring=1 << 20)
        begun = threading.Barrier(5)

        def work(log: exray.Capture = log, begun: threading.Barrier = begun) -> None:
            begun.wait()
            for _ in range(300):
                with log.frame() as frame:
                    frame.output(0, np.zeros(10))
                    log.sensor("light", 1.0)

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        begun.wait()
        log.flush()
        totals = log.close()
        for thread in threads:
            thread.join()
        assert frames(tmp_path / f"{round_}.mcap") <= totals.frames


def test_what_was_flushed_survives_a_kill(tmp_path: Path, artifacts: ArtifactStore) -> None:
    program = """
import os, signal, sys
import exray
log = exray.open(sys.argv[1])
for i in range(100):
    with log.frame(str(i)) as frame:
        frame.scalar("i", i)
log.flush()
os.kill(os.getpid(), signal.SIGKILL)
"""
    with app(program, tmp_path / "app.mcap") as process:
        process.communicate(timeout=60)
    found = recorded(tmp_path / "app.mcap", artifacts)
    assert not found.complete
    assert len(found.frame_times(artifacts)) == len(found.element_rows(artifacts)) == 100


def test_what_nobody_closed_is_closed_at_the_end(tmp_path: Path, artifacts: ArtifactStore) -> None:
    program = """
import sys
import exray
def main():
    with exray.open(sys.argv[1]).frame("only"):
        pass
main()
sys.exit(0)
"""
    ran(program, tmp_path / "app.mcap")
    found = recorded(tmp_path / "app.mcap", artifacts)
    assert found.complete
    assert [t.name for t in found.frame_times(artifacts)] == ["only"]


def test_the_file_is_the_parents_after_a_fork(tmp_path: Path, artifacts: ArtifactStore) -> None:
    """In the child it is as one that is closed, and a new one of its own works."""
    program = """
import os, sys, threading
import numpy as np
import exray
log = exray.open(sys.argv[1], ring=1 << 20)
over = threading.Event()
def busy():
    while not over.is_set():
        log.sensor("busy", 1.0)
        over.wait(0.0005)
threading.Thread(target=busy, daemon=True).start()
for number in range(20):
    with log.frame(f"parent {number}") as frame:
        frame.output(0, np.full(50, number))
        child = os.fork()
        if child == 0:
            frame.output(1, np.full(50, -1))
            with log.frame("child") as mine:
                mine.scalar("child", 1)
            log.sensor("child", 1.0)
            log.close()
            with exray.open(f"{sys.argv[1]}.{number}") as own, own.frame("own"):
                pass
            sys.exit(0)
        assert os.waitpid(child, 0)[1] == 0
over.set()
print(log.close().dropped)
"""
    path = tmp_path / "app.mcap"
    assert ran(program, path) == "0\n"
    assert frames(path) == 20
    found = recorded(path, artifacts)
    assert [t.name for t in found.frame_times(artifacts)] == [f"parent {i}" for i in range(20)]
    assert {s.role for s in found.specs} == {"output"}
    assert {s.position for s in found.specs} == {0}
    assert {s.name for s in found.sensor_rows(artifacts)} == {"busy"}
    assert [frames(path.with_name(f"app.mcap.{i}")) for i in range(20)] == [1] * 20


def test_a_full_disk_stops_the_log_and_is_told(tmp_path: Path) -> None:
    """By a limit on the size of files, which is told as a full disk is."""
    program = """
import resource, signal, sys
import numpy as np
import exray
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
log = exray.open(sys.argv[1])
for i in range(3):
    for _ in range(40):
        with log.frame() as frame:
            frame.output(0, np.zeros(1000))
    try:
        log.flush()
    except OSError as e:
        print(e.errno)
try:
    log.close()
except OSError as e:
    print(e.errno)
"""
    assert ran(program, tmp_path / "app.mcap").split()[-2:] == ["27", "27"]
    assert os.stat(tmp_path / "app.mcap").st_size <= 300_000  # noqa: PTH116


def test_the_computers_figures_are_logged_as_sensors(tmp_path: Path, artifacts: ArtifactStore) -> None:
    path = tmp_path / "app.mcap"
    with exray.open(path, system=0.02) as log:
        empty = path.stat().st_size
        for _ in range(1000):
            threading.Event().wait(0.02)
            log.flush()
            if path.stat().st_size > empty + 2000:
                break
    rows = recorded(path, artifacts).sensor_rows(artifacts)
    found = {name: [r.value for r in rows if r.name == name] for name in {r.name for r in rows}}
    assert {"cpu/percent", "memory/available_bytes", "load/1min"} <= found.keys()
    assert all(0 <= v <= 100 for v in found["cpu/percent"])
    assert all(v > 1 << 20 for v in found["memory/available_bytes"])
    assert len(found["load/1min"]) > 1


def test_without_psutil_it_is_told_how_to_add_it(tmp_path: Path) -> None:
    (tmp_path / "psutil.py").write_text("raise ModuleNotFoundError('No module named psutil')\n")
    program = f"""
import sys
sys.path.insert(0, {str(tmp_path)!r})
import exray
try:
    exray.open(sys.argv[1], system=1.0)
except ModuleNotFoundError as e:
    print(e)
"""
    assert "pip install 'exray[system]'" in ran(program, tmp_path / "app.mcap")
    assert not (tmp_path / "app.mcap").exists()


@pytest.mark.parametrize("name", ["é" * 300, "a\0b", "half \ud83d of a pair", "", "𝄞" * 100])
def test_any_text_is_a_name(name: str, tmp_path: Path, artifacts: ArtifactStore) -> None:
    with exray.open(tmp_path / "app.mcap", labels={"key": name}, app=name) as log, log.frame(name) as frame:
        frame.scalar(name, 1)
        frame.output(0, np.zeros(2), name=name)
        frame.text("text", name)
        frame.check(False, name)
        with frame.span(name):
            pass
        log.sensor(name, 1.0)
    found = recorded(tmp_path / "app.mcap", artifacts)
    (time,), rows = found.frame_times(artifacts), found.element_rows(artifacts)
    assert len(rows) == 4
    said = name.replace("\0", "\ufffd").encode("utf-8", "replace").decode()
    assert said.startswith(time.name)
    assert all(said.startswith(row.name) for row in rows if row.kind != "text")
    assert next(artifacts.read(r.sha256).decode() for r in rows if r.kind == "text") == said
    assert found.header.labels == {"key": said}
