"""What was done to right outputs, planted into outputs drawn at random."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from farm.assess.effect import effect
from farm.assess.outputs import output_change, shift
from farm.capture.recording import Header, Recording, RecordingWriter, load
from farm.model.graph import Graph, Tensor
from farm.store.artifacts import ArtifactStore

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Array = np.ndarray[Any, Any]
FRAMES = range(6)


def graph(shape: tuple[int, ...]) -> Graph:
    return Graph((), (Tensor(0, "scores", "float32", shape, (), (), 0, constant=False),), (), (0,), 1, ())


def recorded(artifacts: ArtifactStore, outputs: list[Array]) -> Recording:
    writer = RecordingWriter(
        artifacts,
        Header(pass_="latency", source="x", source_version="", model_sha256="", kernel="", threads=1),  # noqa: S106
    )
    for i, values in enumerate(outputs):
        writer.frame(i, {0: values.astype(np.float32)})
    return load(artifacts, writer.close())


def softmax(x: Array) -> Array:
    e: Array = np.exp(x - x.max())
    result: Array = e / e.sum()
    return result


def scores(seed: int) -> list[Array]:
    return [softmax(np.random.default_rng((seed, i)).normal(0, 2, (1, 10))) for i in FRAMES]


def boxes(seed: int) -> list[Array]:
    draws = [np.sort(np.random.default_rng((seed, i)).random((1, 20, 2, 2)), axis=2) for i in FRAMES]
    return [d.reshape(1, 20, 4) for d in draws]


CHANGES: dict[str, tuple[Callable[[int], list[Array]], Callable[[Array], Array]]] = {
    "shift": (scores, lambda p: np.roll(p, -1, axis=-1)),
    "softmax-missing": (scores, lambda p: np.log(p) + 3),
    "softmax-twice": (scores, softmax),
    "not-dequantized": (scores, lambda p: np.rint(p * 256)),
    "scaled": (scores, lambda p: 100 * p + 0.25),
    "threshold": (scores, lambda p: np.where(p < 0.2, 0, p)),
    "box-format": (boxes, lambda b: b[..., [1, 0, 3, 2]]),
}


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("seed", range(5))
def test_each_change_is_named(name: str, seed: int, tmp_path: Path) -> None:
    make, change = CHANGES[name]
    right, artifacts = make(seed), ArtifactStore(tmp_path)
    wrong: list[Array] = [np.asarray(change(o)) for o in right]
    planted = (wrong, right)
    device, reference = (recorded(artifacts, o) for o in planted)
    found = output_change(device, reference, graph(right[0].shape), artifacts, FRAMES)
    assert found is not None
    assert found.name == name


@pytest.mark.parametrize("seed", range(5))
def test_centers_for_corners_are_named_and_noise_is_not(seed: int, tmp_path: Path) -> None:
    right, artifacts = boxes(seed), ArtifactStore(tmp_path)
    centers: list[Array] = [
        np.stack(
            [(b[..., 0] + b[..., 2]) / 2, (b[..., 1] + b[..., 3]) / 2, b[..., 2] - b[..., 0], b[..., 3] - b[..., 1]], -1
        )
        for b in right
    ]
    noise: list[Array] = [np.asarray(np.random.default_rng((9, seed, i)).random(b.shape)) for i, b in enumerate(right)]
    reference = recorded(artifacts, right)
    tried: tuple[list[Array], ...] = (centers, noise, right)
    known, unknown, same = (
        output_change(recorded(artifacts, o), reference, graph(right[0].shape), artifacts, FRAMES) for o in tried
    )
    assert known is not None
    assert "center and size" in known.words
    assert (unknown, same) == (None, None)


@pytest.mark.parametrize("seed", range(5))
def test_a_format_of_boxes_is_named_whatever_their_order(seed: int, tmp_path: Path) -> None:
    """Scores that are nearly equal change places, and with them their boxes; some boxes are others altogether."""
    artifacts, random = ArtifactStore(tmp_path), np.random.default_rng((8, seed))
    right = boxes(seed)
    mixed = [np.concatenate([b[:, random.permutation(20)[:16]], random.random((1, 4, 4))], 1) for b in right]
    reference = recorded(artifacts, right)
    tried = ([m[..., [1, 0, 3, 2]] for m in mixed], mixed)
    named, healthy = (
        output_change(recorded(artifacts, o), reference, graph(right[0].shape), artifacts, FRAMES) for o in tried
    )
    assert named is not None
    assert named.words == "boxes are given as left, top, right, bottom"
    assert healthy is None


@given(st.integers(2, 50), st.integers(0, 2**32 - 1), st.floats(0.3, 1.0))
def test_a_constant_shift_of_labels_is_found_whatever_the_model_gets_right(
    classes: int, seed: int, right: float
) -> None:
    random = np.random.default_rng(seed)
    labels = random.integers(0, classes, 200)
    answers = np.where(random.random(200) < right, labels, random.integers(0, classes, 200))
    by = int(random.integers(1, classes))
    assert shift(answers, labels, classes) is None or classes == 2
    found = shift(answers, (labels + by) % classes, classes)
    if found is not None or classes > 10:
        assert found is not None
        assert found.by % classes == by


def test_a_model_that_always_answers_alike_has_no_shift() -> None:
    assert shift(np.zeros(100, int), np.full(100, 7), 10) is None


@given(st.integers(1, 400), st.integers(0, 2**32 - 1), st.booleans())
def test_effects_are_shown_or_excluded_never_both(n: int, seed: int, graded: bool) -> None:
    random = np.random.default_rng(seed)
    reference = random.random(n) if graded else (random.random(n) < 0.7).astype(float)
    device = np.where(random.random(n) < 0.9, reference, random.random(n) if graded else 0.0)
    found = effect("score", device, reference)
    assert not (found.shown and found.harmless)
    assert found.needed is None or not (found.shown or found.harmless)
    assert effect("score", reference, reference).p_value == 1


def test_that_nothing_changed_is_harmless_from_some_200_frames_on() -> None:
    few, many = (effect("top-1", np.ones(n), np.ones(n)) for n in (100, 200))
    assert (few.harmless, many.harmless) == (False, True)
    assert few.needed is not None
    assert 150 < few.needed < 250
