"""Both writers of the Python package: what is logged is what is read, whatever happens to the app."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import exray
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from farm.capture import recover
from farm.store.artifacts import ArtifactStore
from tests.exray.python_kit import BACKENDS, app, frames, recorded

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

Array = np.ndarray[Any, Any]
DTYPES = (
    "bool",
    "int8",
    "int16",
    "int32",
    "int64",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "float16",
    "float32",
    "float64",
)


@pytest.fixture(params=BACKENDS, autouse=True)
def backend(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    name: str = request.param
    monkeypatch.setenv("EXRAY_PURE", BACKENDS[name])
    return name


@pytest.fixture
def artifacts(tmp_path: Path) -> ArtifactStore:
    return ArtifactStore(tmp_path / "artifacts")


VALUES = st.sampled_from(DTYPES).flatmap(
    lambda dtype: arrays.arrays(dtype, arrays.array_shapes(min_dims=0, max_dims=4, max_side=4), elements=None)
)


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    fed=st.lists(st.tuples(VALUES, VALUES), min_size=1, max_size=3),
    text=st.text(min_size=1, max_size=40).filter(lambda t: "\0" not in t),
    number=st.floats(allow_nan=False),
    data=st.binary(max_size=300),
)
def test_what_is_logged_is_what_is_read(
    fed: list[tuple[Array, Array]], text: str, number: float, data: bytes, tmp_path: Path, artifacts: ArtifactStore
) -> None:
    path = tmp_path / "app.mcap"
    with exray.open(path, app="an app", labels={"key": text}) as log:
        for i, (one, other) in enumerate(fed):
            with log.frame(f"{i}.png") as frame:
                with frame.inference():
                    pass
                frame.input(0, one, name=f"in {i}", index=2 * i)
                frame.output(0, other, name=f"out {i}", index=2 * i + 1, scale=0.5, zero_point=-3)
                frame.scalar("number", number)
                frame.text("text", text)
                frame.bytes("data", data)
                frame.tensor("between", one)
        log.sensor("gravity", 0.0, number)
    assert frames(path) == len(fed)
    found = recorded(path, artifacts)
    assert (found.header.app, found.header.labels, found.complete) == ("an app", {"key": text}, True)
    assert [t.name for t in found.frame_times(artifacts)] == [f"{i}.png" for i in range(len(fed))]
    assert all(t.duration_ns >= t.invoke_ns for t in found.frame_times(artifacts))
    assert len(found.memory_samples(artifacts)) == len(fed)
    for i, (one, other) in enumerate(fed):
        tensors = found.tensors(artifacts, i)
        for tensor, value in ((2 * i, one), (2 * i + 1, other)):
            assert tensors[tensor].dtype == value.dtype
            np.testing.assert_array_equal(tensors[tensor], value)
        assert found.by_tensor[2 * i + 1].zero_point == (-3,)
    rows = found.element_rows(artifacts)
    assert [r.value for r in rows if r.name == "number"] == [number] * len(fed)
    assert [artifacts.read(r.sha256) for r in rows if r.name == "text"] == [text.encode()] * len(fed)
    assert [artifacts.read(r.sha256) for r in rows if r.name == "data"] == [data] * len(fed)
    assert [s.value for s in found.sensor_rows(artifacts)] == [0.0, number]


def test_latency_and_memory_take_less_than_96_bytes_a_frame(tmp_path: Path) -> None:
    path = tmp_path / "app.mcap"
    with exray.open(path) as log:
        empty = path.stat().st_size
        for _ in range(5000):
            with log.frame() as frame, frame.inference():
                pass
    assert (path.stat().st_size - empty) / 5000 <= 96


def test_what_finds_no_room_is_counted_and_told(tmp_path: Path, artifacts: ArtifactStore) -> None:
    path = tmp_path / "app.mcap"
    log = exray.open(path, ring=1 << 14)
    for _ in range(200):
        with log.frame() as frame:
            frame.tensor("t", np.zeros(900, np.float32))
    frame_large = np.zeros(1 << 14, np.uint8)
    with log.frame() as frame:
        frame.tensor("too large for half of the ring", frame_large)
    totals = log.close()
    assert totals.dropped > 0
    assert totals.dropped_bytes >= 1 << 14
    found = recorded(path, artifacts)
    assert found.dropped == totals.dropped
    kept = len(found.element_rows(artifacts)) + len(found.frame_times(artifacts))
    assert kept + totals.dropped == 2 * 201


@pytest.mark.parametrize("budget", [150_000, 1_000_000])
def test_the_file_stays_within_its_byte_budget(budget: int, tmp_path: Path, artifacts: ArtifactStore) -> None:
    path = tmp_path / "app.mcap"
    log = exray.open(path, byte_budget=budget, ring=4 << 20)
    for i in range(3000):
        with log.frame() as frame:
            frame.output(0, np.full(250, i, np.float32))
    totals = log.close()
    assert totals.bytes == path.stat().st_size <= budget
    assert totals.over_budget > 0
    found = recorded(path, artifacts)
    assert found.over_budget == totals.over_budget
    times = len(found.frame_times(artifacts))
    assert times > len(found.frames), "times outlast tensors"
    assert times + len(found.frames) + totals.over_budget == 6000


def test_a_budget_that_holds_no_frame_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"a byte budget of 1000 holds no frame: give [0-9]+ at least"):
        exray.open(tmp_path / "app.mcap", byte_budget=1000)


@pytest.mark.parametrize(
    ("sampling", "n", "logged"),
    [
        ("every", 0, range(20)),
        ("every", 3, range(0, 20, 3)),
        ("first", 4, range(4)),
        ("never", 0, ()),
        ("on-assertion", 0, (5, 10, 15)),
    ],
)
def test_frames_are_sampled(
    sampling: Any, n: int, logged: range | tuple[int, ...], tmp_path: Path, artifacts: ArtifactStore
) -> None:
    path = tmp_path / "app.mcap"
    with exray.open(path, sampling=sampling, n=n) as log:
        for i in range(20):
            with log.frame() as frame:
                frame.output(0, np.array([i]))
                frame.scalar("i", i)
                frame.check(i % 5 != 0 or i == 0, "not a multiple of five")
    found = recorded(path, artifacts)
    assert sorted(found.frames) == list(logged)
    assert [r.value for r in found.element_rows(artifacts) if r.kind == "scalar"] == list(logged)
    assert len(found.frame_times(artifacts)) == 20
    assert [r.frame for r in found.element_rows(artifacts) if r.kind == "assertion"] == [5, 10, 15]


def test_threads_log_frames_of_their_own(tmp_path: Path, artifacts: ArtifactStore) -> None:
    path = tmp_path / "app.mcap"
    log = exray.open(path, ring=16 << 20)

    def work(number: int) -> None:
        for i in range(200):
            with log.frame(f"{number}-{i}") as frame:
                frame.input(0, np.array([number, i]), index=0)
                frame.output(0, np.full(50, number * 1000 + i), index=1)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    totals = log.close()
    assert (totals.frames, totals.dropped) == (1600, 0)
    found = recorded(path, artifacts)
    names = {t.index: t.name for t in found.frame_times(artifacts)}
    assert sorted(names) == list(range(1600))
    for index, name in names.items():
        number, i = map(int, name.split("-"))
        tensors = found.tensors(artifacts, index)
        assert tensors[0].tolist() == [number, i]
        assert set(tensors[1].tolist()) == {number * 1000 + i}


APP = """
import sys, time
import numpy as np
import exray
log = exray.open(sys.argv[1])
for i in range(100_000):
    with log.frame(str(i)) as frame:
        frame.output(0, np.full(100, i))
    if i == 500:
        print("going", flush=True)
    time.sleep(0.0005)
"""


def test_a_killed_app_leaves_whole_chunks(tmp_path: Path, artifacts: ArtifactStore) -> None:
    path = tmp_path / "app.mcap"
    with app(APP, path) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            for _ in range(100):
                if path.stat().st_size > 100_000:
                    break
                threading.Event().wait(0.1)
        finally:
            process.kill()
        process.wait(timeout=60)
    whole = tmp_path / "whole.mcap"
    recover.recover(path, whole)
    assert frames(whole) > 0
    found = recorded(path, artifacts)
    assert all(int(t.name) == t.index for t in found.frame_times(artifacts))
    assert len(found.frame_times(artifacts)) == frames(whole)


@pytest.mark.parametrize(
    ("path", "model", "why"),
    [
        ("/dev/full", None, "No space left"),
        ("{folder}/no/such/app.mcap", None, "No such file"),
        ("{folder}", None, "Is a directory"),
        ("{folder}/app.mcap", "/no/model", "the model /no/model cannot be read"),
    ],
)
def test_what_cannot_be_written_is_told(path: str, model: str | None, why: str, tmp_path: Path) -> None:
    with pytest.raises(OSError, match=why):
        exray.open(path.format(folder=tmp_path), model=model)


@pytest.mark.parametrize(
    "log",
    [
        lambda f: f.image("x", np.zeros((4, 4, 3), np.uint8), "rgba"),
        lambda f: f.tensor("x", np.zeros((1,) * 9)),
        lambda f: f.tensor("x", np.array(["text"])),
        lambda f: f.model(object()),
    ],
)
def test_what_makes_no_sense_is_refused(log: Callable[[exray.Frame], None], tmp_path: Path) -> None:
    with exray.open(tmp_path / "app.mcap") as capture, capture.frame() as frame, pytest.raises((TypeError, ValueError)):
        log(frame)
