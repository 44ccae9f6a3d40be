"""Model assertions over sequences of frames."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from farm.compare.detections import Found
from farm.compare.sequence import change_of_class, export, flicker_of_answers, flicker_of_objects, over
from farm.errors import InputsError
from farm.store.artifacts import ArtifactStore
from farm.submission import InputFrame, Submission

CAT, DOG = 1, 2


def found(*objects: tuple[float, int, float]) -> Found:
    """Of (left edge, class, score)."""
    return Found(
        np.array([[0, x, 0.2, x + 0.2] for x, _, _ in objects], np.float32).reshape(-1, 4),
        np.array([c for _, c, _ in objects], np.int64),
        np.array([s for _, _, s in objects], np.float32),
    )


def names(n: int) -> list[str]:
    return [f"{i}.png" for i in range(n)]


def test_an_answer_that_is_gone_for_a_frame_flickers() -> None:
    result = over("flicker", [1, 1, 2, 1, 1, 3, 3], names(7), flicker_of_answers)
    assert [(f.frame, f.name) for f in result.frames] == [(2, "2.png")]
    assert (result.windows, result.count, result.worst) == (5, 1, 1.0)


def test_a_scene_that_changes_does_not() -> None:
    assert over("flicker", [1, 1, 2, 2, 3, 3], names(6), flicker_of_answers).count == 0


def test_an_object_that_is_gone_for_a_frame_flickers_by_its_score() -> None:
    frames = [found((0.1, CAT, 0.9), (0.6, DOG, 0.8)), found((0.62, DOG, 0.8)), found((0.1, CAT, 0.7), (0.6, DOG, 0.8))]
    assert flicker_of_objects(*frames) == pytest.approx(0.7)
    assert change_of_class(*frames) == 0


def test_an_object_whose_class_changes_is_inconsistent() -> None:
    frames = [found((0.1, CAT, 0.9)), found((0.11, DOG, 0.6)), found((0.1, CAT, 0.8))]
    assert change_of_class(*frames) == pytest.approx(0.8)
    assert flicker_of_objects(*frames) == 0


@given(
    st.lists(
        st.lists(st.tuples(st.floats(0, 0.8), st.integers(0, 3), st.floats(0, 1)), max_size=5), min_size=3, max_size=3
    )
)
def test_severities_are_no_less_than_silence(frames: list[list[tuple[float, int, float]]]) -> None:
    a, b, c = (found(*objects) for objects in frames)
    for score in (flicker_of_objects, change_of_class):
        assert score(a, b, c) >= 0
        assert score(a, a, a) == 0


def test_frames_are_exported_worst_first_under_names_that_are_no_paths(tmp_path: Path) -> None:
    artifacts = ArtifactStore(tmp_path / "artifacts")
    frames = tuple(
        InputFrame(name=f"../{i}/évil.png", kind="image", sha256=(artifacts.put(bytes([i])),)) for i in range(5)
    )
    submission = Submission(model_name="m", model_sha256="m", frames=frames)
    result = over("flicker", [1, 1, 2, 1, 1], [f.name for f in frames], flicker_of_answers)
    out = tmp_path / "out"
    assert export([result], submission, artifacts, out) == 1
    (picture,) = out.glob("000002-*.png")
    assert picture.read_bytes() == bytes([2])
    rows = (out / "fired.tsv").read_text().splitlines()
    assert rows[1].split("\t") == ["flicker", "1", "2", picture.name]
    with pytest.raises(InputsError, match="holds something"):
        export([result], submission, artifacts, out)
