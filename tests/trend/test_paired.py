"""Two runs over the same frames."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from farm.capture.recording import Header, Recording, RecordingWriter, load
from farm.capture.rows import FrameTime
from farm.compare.answers import Answers
from farm.store.artifacts import ArtifactStore
from farm.trend.paired import correctness, ratios, scores, times

HEADER = Header(
    pass_="latency",  # noqa: S106  # a pass of the agent
    source="x",
    source_version="1",
    model_sha256="0" * 64,
    kernel="delegate",
    threads=1,
)


def answers(rank: list[int]) -> Answers:
    return Answers(top1=np.zeros(len(rank), int), rank=np.array(rank), classes=10)


def test_answers_are_compared_by_mcnemar_over_labelled_frames() -> None:
    old, new = answers([0] * 20 + [1] * 10 + [-1]), answers([0] * 12 + [3] * 8 + [1] * 10 + [0])
    found = correctness(new, old)
    assert found is not None
    assert (found.test, found.n) == ("McNemar", 30)
    assert found.p_value == pytest.approx(2 / 2**8)
    assert found.change == pytest.approx(-8 / 30)
    assert found.low < found.change < found.high < 0
    assert correctness(answers([-1]), answers([-1])) is None


def test_scores_are_compared_by_exchanging_them() -> None:
    old = np.arange(10.0)
    found = scores(np.append(old[:4] + 1, [*old[4:9], np.nan]), old)
    assert found is not None
    assert (found.test, found.n) == ("permutation", 9)
    assert found.p_value == pytest.approx(2 / 2**4)
    assert found.change == pytest.approx(4 / 9)


def test_times_are_compared_by_wilcoxon() -> None:
    old = np.linspace(1, 3, 12)
    found = ratios(old * 1.1, old)
    assert found is not None
    assert (found.test, found.n) == ("Wilcoxon", 12)
    assert found.p_value == pytest.approx(2 / 2**12)
    assert (found.change, found.low, found.high) == pytest.approx((0.1, 0.1, 0.1))
    assert ratios(old[:5], old[:5]) is None
    same = ratios(old, old)
    assert same is not None
    assert (same.p_value, same.change) == (1.0, 0.0)


def test_of_repetitions_of_a_frame_the_median_counts(tmp_path: Path) -> None:
    artifacts = ArtifactStore(tmp_path)

    def recorded(factor: float, frames: range) -> Recording:
        writer = RecordingWriter(artifacts, HEADER)
        for frame in frames:
            for repetition, outlier in enumerate((1, 1, 50)):
                ns = round(1e6 * (frame + 1) * factor * outlier)
                writer.time(FrameTime(index=frame, repetition=repetition, name="", preprocess_ns=0, invoke_ns=ns))
        return load(artifacts, writer.close())

    new, old = recorded(1.25, range(2, 12)), recorded(1.0, range(10))
    found = times(new, old, artifacts)
    assert found is not None
    assert (found.n, found.before) == (8, 6.5)
    assert found.change == pytest.approx(0.25)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(st.floats(0.01, 1e6), st.floats(0.01, 1e6)), min_size=6, max_size=30))
def test_old_and_new_may_change_places(pairs: list[tuple[float, float]]) -> None:
    new, old = np.array(pairs).T
    forth, back = ratios(new, old), ratios(old, new)
    assert forth is not None
    assert back is not None
    assert forth.p_value == pytest.approx(back.p_value)
    assert (1 + forth.change) * (1 + back.change) == pytest.approx(1)
    assert 0 <= forth.p_value <= 1
