"""Metrics of classes, masks and numbers, by hand and by their properties."""

from __future__ import annotations

import io
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from PIL import Image

from farm.capture.recording import Header, RecordingWriter, TensorSpec, load
from farm.compare import resample
from farm.compare.answers import Answers
from farm.compare.metrics import metrics
from farm.compare.tasks.classification import Classification
from farm.compare.tasks.read import read
from farm.compare.tasks.regression import Regression
from farm.compare.tasks.segmentation import MaskFrame, Segmentation
from farm.model.graph import Graph, Tensor
from farm.model.recipe import Recipe
from farm.store.artifacts import ArtifactStore
from farm.submission import InputFrame

Array = np.ndarray[Any, Any]


def classes(said: list[int], labels: list[int | None], count: int = 3) -> Classification:
    rank = [-1 if t is None else 0 if s == t else 1 for s, t in zip(said, labels, strict=True)]
    return Classification(Answers(np.array(said), np.array(rank), count), labels)


def masks(pairs: list[tuple[Array, Array]], count: int = 3) -> Segmentation:
    """Said and true maps of one size."""
    return Segmentation([MaskFrame(lambda s=s: s, lambda made, t=t: (made, t)) for s, t in pairs], count)  # type: ignore[misc]


def test_precision_recall_and_confusion_by_hand() -> None:
    reading = classes([0, 0, 1, 2, 2, 2], [0, 1, 1, 2, 2, 0])
    assert reading.value() == pytest.approx(4 / 6)
    zero, one, two = reading.classes()
    assert (zero.precision, zero.recall, zero.f1, zero.n) == (0.5, 0.5, 0.5, 2)
    assert (one.precision, one.recall, one.f1) == pytest.approx((1.0, 0.5, 2 / 3))
    assert (two.precision, two.recall, two.f1) == pytest.approx((2 / 3, 1.0, 0.8))
    assert reading.confusion() == {(0, 0): 1, (0, 2): 1, (1, 0): 1, (1, 1): 1, (2, 2): 2}
    assert reading.others()["macro F1"] == pytest.approx((0.5 + 2 / 3 + 0.8) / 3)


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=30))
def test_confusion_and_classes_agree(pairs: list[tuple[int, int]]) -> None:
    said, true = map(list, zip(*pairs, strict=True))
    reading = classes(said, true, 5)
    matrix = reading.confusion()
    assert sum(matrix.values()) == len(pairs)
    for c in reading.classes():
        assert c.n == sum(count for (t, _), count in matrix.items() if t == c.label)
    low, high = reading.interval()
    assert low <= reading.value() <= high
    assert (reading.agreement(reading).values == 1).all()


def test_mean_iou_by_hand() -> None:
    said = np.array([[0, 0, 1], [1, 1, 2]])
    true = np.array([[0, 1, 1], [1, 255, 255]])
    reading = masks([(said, true)])
    # class 0: 1 / 2, class 1: 2 / 3; where the mask says 255, class 2 is not seen at all
    assert reading.value() == pytest.approx((1 / 2 + 2 / 3) / 2)
    assert reading.scores().values == pytest.approx([(1 / 2 + 2 / 3) / 2])
    assert reading.others()["pixel accuracy"] == pytest.approx(3 / 4)
    assert reading.confusion() == {(0, 0): 1, (1, 0): 1, (1, 1): 2}
    assert [(c.label, c.n, c.score) for c in reading.classes()] == [(0, 1, 0.5), (1, 3, pytest.approx(2 / 3))]


MAPS = st.lists(st.lists(st.integers(0, 3), min_size=6, max_size=6), min_size=1, max_size=3)


@given(MAPS, st.randoms(use_true_random=False))
def test_masks_have_no_order_and_perfect_ones_are_1(rows: list[list[int]], random: Any) -> None:
    true = [np.array(r).reshape(2, 3) for r in rows]
    said = [np.array(random.sample(r, 6)).reshape(2, 3) for r in rows]
    assert masks([(t, t) for t in true], 4).value() == 1
    pairs = list(zip(said, true, strict=True))
    again = [(s[::-1, ::-1], t[::-1, ::-1]) for s, t in reversed(pairs)]
    first, second = masks(pairs, 4), masks(again, 4)
    assert second.value() == pytest.approx(first.value())
    mirrored = masks([(t, s) for s, t in pairs], 4)  # intersection and union are symmetric
    assert mirrored.value() == pytest.approx(first.value())
    weights = np.arange(len(pairs)) + 1.0
    repeated = masks([p for p, w in zip(pairs, weights, strict=True) for _ in range(int(w))], 4)
    assert first.value(weights) == pytest.approx(repeated.value())


def test_answers_beyond_the_classes_meet_nothing() -> None:
    reading = masks([(np.array([[900, -1]]), np.array([[0, 1]]))])
    assert reading.value() == 0
    assert reading.scores().values.tolist() == [0]


def test_r2_and_residuals_by_hand() -> None:
    reading = Regression(np.array([[1.0], [2.0], [4.0]]), [(1.0,), (2.0,), (3.0,)])
    assert reading.value() == pytest.approx(1 - 1 / 2)
    others = reading.others()
    assert (others["MAE"], others["bias"], others["RMSE"]) == pytest.approx((1 / 3, 1 / 3, 3**-0.5))
    assert reading.scores().values == pytest.approx([1, 1, 0])
    assert reading.residuals.ravel().tolist() == [0, 0, 1]
    assert np.isnan(Regression(np.array([[1.0]]), [(1.0,)]).value())


@given(st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=20, unique=True), st.floats(0.5, 2), st.floats(-10, 10))
def test_r2_is_1_when_right_and_knows_no_unit(values: list[float], scale: float, shift: float) -> None:
    truth = np.array(values)
    assume(truth.std() > 1e-3)
    assert Regression(truth[:, None], [(v,) for v in values]).value() == 1
    said = truth + np.sin(np.arange(len(values)))
    one = Regression(said[:, None], [(v,) for v in values])
    other = Regression((said * scale + shift)[:, None], [(v * scale + shift,) for v in values])
    assert one.value() == pytest.approx(other.value(), rel=1e-6, abs=1e-6)
    assert one.value(np.full(len(values), 2.0)) == pytest.approx(one.value())


def test_nan_answers_score_nothing() -> None:
    reading = Regression(np.array([[np.nan], [2.0]]), [(1.0,), (2.0,)])
    assert reading.scores().values.tolist() == [0, 1]


@given(st.lists(st.tuples(st.integers(0, 64), st.integers(0, 64)), min_size=1, max_size=10))
def test_the_permutation_test_is_that_of_all_signs(pairs: list[tuple[int, int]]) -> None:
    a, b = np.array(pairs).T / 64
    gaps = (a - b)[a != b]
    seen = abs(gaps.sum()) * (1 - 1e-12)
    every = [
        abs(sum(g if bits >> i & 1 else -g for i, g in enumerate(gaps.tolist()))) >= seen - 1e-15
        for bits in range(1 << len(gaps))
    ]
    assert resample.paired_scores(a, b) == pytest.approx(np.mean(every) if len(gaps) else 1.0)
    assert resample.paired_scores(a, b) == resample.paired_scores(b, a)


def test_larger_samples_come_near_the_exact_test() -> None:
    random = np.random.default_rng(5)
    a = random.random(12)
    b = np.clip(a - 0.2 * random.random(12) + 0.05, 0, 1)
    exact = resample.paired_scores(a, b)
    many = resample.paired_scores(np.tile(a, 5), np.tile(b, 5))
    drawn = resample.paired_scores(np.concatenate([a, a[:2] / 2]), np.concatenate([b, b[:2] / 2]))
    assert many < exact
    assert 0 < drawn < 2 * exact + 0.01


def test_the_bootstrap_covers_the_mean() -> None:
    random = np.random.default_rng(7)
    inside = 0
    for _ in range(60):
        low, high = resample.mean_interval(random.random(60))
        inside += low <= 0.5 <= high
    assert inside >= 50


def test_metrics_put_what_lost_most_first() -> None:
    labels: list[int | None] = [0, 0, 1, 1, 2, 2]
    device, reference = classes([0, 0, 2, 2, 2, 2], labels), classes([0, 0, 1, 1, 2, 2], labels)
    found = metrics(device, reference, name="litert", names=("a", "b", "c"))
    assert (found.main.value, found.main.reference, found.p_value) == pytest.approx((4 / 6, 1.0, 0.5))
    assert [c.name for c in found.classes] == ["b", "c", "a"]
    (confusion,) = found.confusions
    assert (confusion.truth_name, confusion.answer_name, confusion.count, confusion.reference) == ("b", "c", 2, 0)
    assert found.agreement is not None
    assert found.agreement.value == pytest.approx(4 / 6)
    bare = metrics(classes([0], [None]), classes([1], [None]), name="litert")
    assert (bare.labelled, bare.main.name, bare.main.value, bare.p_value) == (False, "agreement", 0.0, None)


def test_masks_are_kept_as_counts(tmp_path: Path) -> None:
    """Ten times the frames take no more memory than their counts."""
    store = ArtifactStore(tmp_path)
    true = np.random.default_rng(0).integers(0, 5, (120, 120)).astype(np.uint8)
    data = io.BytesIO()
    Image.fromarray(true).save(data, "PNG")
    mask = store.put(data.getvalue())
    shape = (1, 120, 120, 5)
    tensors = tuple(
        Tensor(i, n, "float32", s, (), (), 0, constant=False)
        for i, (n, s) in enumerate([("in", (1, 120, 120, 3)), ("out", shape)])
    )
    graph = Graph((), tensors, (0,), (1,), 1, ())
    header = Header(pass_="latency", source="t", source_version="", model_sha256="", kernel="", threads=1)  # noqa: S106  # a pass
    writer = RecordingWriter(store, header)
    writer.spec(TensorSpec(tensor=1, name="out", role="output", position=0, dtype="float32", shape=shape))
    scores = np.eye(5, dtype=np.float32)[true][None]
    for i in range(200):
        writer.frame(i, {1: scores})
    recording = load(store, writer.close())
    frame = InputFrame(name="a.png", kind="tensor", sha256=(), mask=mask)

    def peak(n: int) -> int:
        tracemalloc.start()
        reading = read(recording, graph, Recipe(task="segmentation"), [(i, frame) for i in range(n)], store)
        assert reading is not None
        assert reading.value() == 1
        assert (reading.agreement(reading).values == 1).all()
        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return used

    peak(2)  # what is loaded once
    assert peak(200) < peak(20) + 180 * 6000
    assert scores.nbytes > 40 * 6000
