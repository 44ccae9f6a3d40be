"""A run that shifted beside one of the level before: recordings of made-up frames, matched by what the frames are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from farm.assess.subject import Subject
from farm.capture.recording import Header, Recording, RecordingWriter, load
from farm.capture.rows import FrameTime
from farm.errors import StorageError
from farm.model import graph as graphs
from farm.report.document import Run
from farm.store.artifacts import ArtifactStore
from farm.submission import InputFrame, Submission
from farm.trend.beside import ERROR, TIME, beside, nearest, passes, whole
from farm.trend.compared import Taken
from farm.trend.series import Point
from tests.conftest import DEMO

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from farm.trend.compared import Beside, Paired

FRAMES = 12
GRAPH = graphs.read_file(DEMO / "model.tflite")
OUTPUT = GRAPH.tensors[GRAPH.outputs[0]]
SHOWN = Taken(job=2, run=2, what="newest run")


@pytest.fixture
def artifacts(tmp_path: Path) -> ArtifactStore:
    store = ArtifactStore(tmp_path)
    store.put_file(DEMO / "model.tflite")
    return store


def frames(count: int = FRAMES, *, first: int = 0, labelled: bool = True) -> tuple[InputFrame, ...]:
    """Each of another content."""
    return tuple(
        InputFrame(name=f"{i}.png", kind="image", sha256=(f"{i:064x}",), label=i % 3 if labelled else None)
        for i in range(first, first + count)
    )


def recorded(
    artifacts: ArtifactStore, count: int, ms: float = 1.0, wrong: int = 0, off: float = 0.0, name: str = "latency"
) -> Recording:
    """The first `wrong` frames are answered wrongly, frame i takes (i + 1) ms times `ms`; scores are higher by `off`."""
    header = Header.model_validate(
        {"pass_": name, "source": "x", "source_version": "", "model_sha256": "0" * 64, "kernel": "", "threads": 1}
    )
    writer = RecordingWriter(artifacts, header)
    for i in range(count):
        said = np.zeros(OUTPUT.shape, np.float32)
        said.flat[(i + (i < wrong)) % 3] = 1.0
        writer.frame(i, {OUTPUT.index: said + np.float32(off * (i + 1))})
        for repetition, outlier in enumerate((1, 1, 50)):
            ns = round(1e6 * (i + 1) * ms * outlier)
            writer.time(FrameTime(index=i, repetition=repetition, name="", preprocess_ns=0, invoke_ns=ns))
    return load(artifacts, writer.close())


def subject(
    artifacts: ArtifactStore, run: int, of: Sequence[InputFrame], latency: Recording, layers: Recording | None = None
) -> Subject:
    model = artifacts.put_file(DEMO / "model.tflite")
    asked = Submission(model_name="m", model_sha256=model, frames=tuple(of))
    recordings = {"latency": latency} | ({} if layers is None else {"layers": layers})
    return Subject(Run(id=run, target=None, status="done"), asked, recordings, captures=dict.fromkeys(recordings, "0"))


def told(found: Beside) -> dict[str, Paired]:
    return {test.figure: test for test in found.paired}


def test_times_answers_and_layers_of_the_same_frames(artifacts: ArtifactStore) -> None:
    new, old = (
        subject(
            artifacts, run, frames(), recorded(artifacts, FRAMES, ms, wrong),
            recorded(artifacts, 4, off=off, name="layers"),
        )
        for run, ms, wrong, off in ((2, 1.25, 8, 0.01), (1, 1.0, 0, 0.002))
    )  # fmt: skip
    reference = recorded(artifacts, 8, name="layers")
    found = beside(SHOWN, new, old, artifacts, lambda _: reference)
    assert found.missing == ()
    time, answers, error = (told(found)[figure] for figure in (TIME, "top-1", ERROR))
    assert (time.test, time.n, time.before) == ("Wilcoxon", FRAMES, 6.5)
    assert time.change == pytest.approx(0.25)
    assert (answers.test, answers.n, answers.before) == ("McNemar", FRAMES, 1.0)
    assert answers.change == pytest.approx(-8 / 12)
    assert answers.p_value == pytest.approx(2 / 2**8)
    assert (error.test, error.n) == ("permutation", 4)
    assert error.p_value == pytest.approx(2 / 2**4)
    assert error.after == pytest.approx(0.025, rel=1e-4)
    assert error.before == pytest.approx(0.005, rel=1e-4)


def test_a_frame_is_the_same_by_its_content_and_its_truth(artifacts: ArtifactStore) -> None:
    old = subject(artifacts, 1, frames(first=4), recorded(artifacts, FRAMES))
    turned = frames()[::-1]
    new = subject(artifacts, 2, turned, recorded(artifacts, FRAMES, ms=2.0))
    time = told(beside(SHOWN, new, old, artifacts))[TIME]
    assert time.n == 8, "frames 4 to 11 are in both"
    mine, other = [2.0 * (12 - i) for i in range(4, 12)], [i - 3.0 for i in range(4, 12)]
    assert (time.after, time.before) == (np.median(mine), np.median(other))
    twice = frames(6)
    doubled = subject(artifacts, 3, twice + twice, recorded(artifacts, FRAMES))
    again = told(beside(SHOWN, doubled, doubled, artifacts))[TIME]
    assert again.n == FRAMES, "equal frames are told apart by their number"
    relabelled = tuple(f.model_copy(update={"label": 2 - (f.label or 0)}) for f in frames())
    other_truth = subject(artifacts, 4, relabelled, recorded(artifacts, FRAMES))
    same = subject(artifacts, 5, frames(), recorded(artifacts, FRAMES))
    assert told(beside(SHOWN, other_truth, same, artifacts))["top-1"].n == FRAMES // 3


def test_what_is_not_compared_is_said(artifacts: ArtifactStore) -> None:
    old = subject(artifacts, 1, frames(labelled=False), recorded(artifacts, FRAMES))
    new = subject(artifacts, 2, frames(first=90), recorded(artifacts, FRAMES))
    found = beside(SHOWN, new, old, artifacts, lambda _: None)
    assert found.paired == ()
    assert found.missing == (
        "times: runs 2 and 1 have no frame in common, and 6 are needed",
        "answers: nothing tells whether run 1 was right",
        "layers: run 2 keeps no capture of pass layers",
    )
    layers = recorded(artifacts, 4, name="layers")
    with_layers = subject(artifacts, 3, frames(), recorded(artifacts, FRAMES), layers)

    def lost(_: Subject) -> Recording | None:
        raise StorageError("was removed", where="model", remedy="submit it again")

    for reference, why in (
        (lambda _: None, "layers: what run 3 was compared with is not kept any more"),
        (lost, "layers cannot be read: model: was removed"),
    ):
        (said,) = beside(SHOWN, with_layers, with_layers, artifacts, reference).missing
        assert said == why
    untimed = Subject(with_layers.run, with_layers.submission, with_layers.recordings, captures={"layers": "0"})
    assert "times: run 3 keeps no capture of pass latency" in beside(SHOWN, untimed, old, artifacts, lost).missing


def test_the_baseline_is_the_most_typical_run() -> None:
    points = [Point(at=at, run=at, value=v) for at, v in enumerate((10.0, 12.0, 9.0, 11.0, 10.4))]
    assert [p.run for p in nearest(points, 10.5)] == [4, 3, 0, 2, 1]


def test_figures_of_a_whole_run_are_not_told_by_frames() -> None:
    assert whole("memory.peak") == "memory.peak is of a whole run: no frame has one"
    assert not whole("latency.p90")


def test_layers_are_read_where_they_may_say_something() -> None:
    assert passes("latency.median") == passes("energy.median") == ("latency",)
    assert passes("top1") == passes("layers.worst") == ("latency", "layers")
