from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from farm.compare import boxes
from farm.compare.detections import Found
from farm.compare.precision import THRESHOLDS, Precision
from farm.compare.tasks.detection import DetectionReading
from farm.submission import Box

Array = np.ndarray[Any, Any]
SIDES = st.floats(0, 1, width=32)
CORNERS = st.tuples(SIDES, SIDES, SIDES, SIDES).map(
    lambda c: (min(c[0], c[2]), min(c[1], c[3]), max(c[0], c[2]), max(c[1], c[3]))
)
OBJECTS = st.lists(st.tuples(st.integers(0, 2), CORNERS), max_size=5).map(
    lambda rows: [r for r in rows if (r[1][2] - r[1][0]) * (r[1][3] - r[1][1]) > 1e-4]
)


def truth(rows: list[tuple[int, tuple[float, ...]]], *, crowd: bool = False) -> tuple[Box, ...]:
    return tuple(Box(label=n, top=c[0], left=c[1], bottom=c[2], right=c[3], crowd=crowd) for n, c in rows)


def found(rows: list[tuple[int, tuple[float, ...]]], scores: list[float] | None = None) -> Found:
    values = np.array(scores if scores is not None else [0.9] * len(rows), np.float32)
    order = np.argsort(-values, kind="stable")
    corners = np.array([c for _, c in rows], np.float32).reshape(-1, 4)
    return Found(corners[order], np.array([n for n, _ in rows], np.int64)[order], values[order])


WHOLE, LEFT, RIGHT = (0, 0, 1, 1), (0, 0, 1, 0.5), (0, 0.5, 1, 1)


def test_overlaps_by_hand() -> None:
    table = boxes.overlaps(np.array([LEFT, WHOLE], float), np.array([WHOLE, RIGHT, (0, 0.25, 1, 0.75)], float))
    assert table.tolist() == [[0.5, 0, pytest.approx(1 / 3)], [1, 0.5, 0.5]]
    crowd = boxes.overlaps(np.array([LEFT], float), np.array([WHOLE], float), np.array([True]))
    assert crowd.tolist() == [[1.0]]
    assert boxes.overlaps(np.zeros((1, 4)), np.zeros((1, 4))).tolist() == [[0]]


@given(st.lists(CORNERS, min_size=1, max_size=5), st.lists(CORNERS, min_size=1, max_size=5))
def test_overlaps_are_symmetric_and_shares(a: list[Any], b: list[Any]) -> None:
    one, other = boxes.overlaps(np.array(a), np.array(b)), boxes.overlaps(np.array(b), np.array(a))
    assert np.allclose(one, other.T)
    assert ((one >= 0) & (one <= 1 + 1e-9)).all()


def test_suppression_keeps_the_best_of_those_that_overlap() -> None:
    corners = np.array([WHOLE, (0, 0, 1, 0.9), RIGHT, (0, 0, 0.1, 0.1)], float)
    assert boxes.suppress(corners, np.array([0.5, 0.9, 0.3, 0.2]), 0.5).tolist() == [1, 2, 3]
    assert boxes.suppress(corners, np.array([0.5, 0.9, 0.3, 0.2]), 0.95).tolist() == [1, 0, 2, 3]


def test_the_better_detection_takes_the_object() -> None:
    right = np.array([WHOLE, RIGHT], float)
    mine = np.array([WHOLE, WHOLE, (0, 0.4, 1, 1)], float)
    assert boxes.match(mine, right, np.array([False, False]), 0.5).tolist() == [0, 1, -1]
    assert boxes.match(mine, right, np.array([True, False]), 0.5).tolist() == [1, -2, -2]


def test_average_precision_by_hand() -> None:
    """One object found second: precision is 1/2 at every recall. Of two objects one is found first: 51 of 101 points are 1."""
    late = Precision([found([(1, LEFT), (1, WHOLE)], [0.9, 0.5])], [truth([(1, WHOLE)])])
    # LEFT overlaps WHOLE by exactly .5, so that at the first threshold it is right itself.
    assert late.averages()[0] == pytest.approx([1.0] + [0.5] * 9)
    half = Precision([found([(1, LEFT)])], [truth([(1, LEFT), (1, RIGHT)])])
    assert half.averages()[0] == pytest.approx([51 / 101] * 10)
    # Frames that count twice: 2 of 4 objects found.
    two = Precision([found([(1, LEFT)]), found([])], [truth([(1, LEFT)]), truth([(1, RIGHT)])])
    assert two.mean() == pytest.approx(51 / 101)
    assert two.mean(np.array([3.0, 1.0])) == pytest.approx(76 / 101)
    assert two.mean(np.array([1.0, 0.0])) == pytest.approx(1.0)


def test_crowds_and_classes_without_objects_do_not_count() -> None:
    with_crowd = Precision(
        [found([(1, WHOLE), (1, RIGHT)], [0.9, 0.8])], [(*truth([(1, RIGHT)]), *truth([(1, WHOLE)], crowd=True))]
    )
    assert with_crowd.mean() == pytest.approx(1.0)
    assert np.isnan(Precision([found([(2, WHOLE)])], [()]).mean())


@given(st.lists(OBJECTS, min_size=1, max_size=4))
def test_what_finds_all_and_nothing_else_is_perfect(frames: list[Any]) -> None:
    reading = DetectionReading([found(rows) for rows in frames], [truth(rows) for rows in frames], 0.3)
    if any(frames):
        assert reading.value() == pytest.approx(1.0)
    else:
        assert np.isnan(reading.value())
    assert (reading.scores().values == 1).all()
    assert (reading.agreement(reading).values == 1).all()


@given(st.lists(st.tuples(OBJECTS, OBJECTS), min_size=1, max_size=4), st.randoms(use_true_random=False))
def test_frames_and_objects_have_no_order(frames: list[Any], random: Any) -> None:
    # Scores of their own, also for equal objects of two frames: of equal ones the order is anybody's.
    scores = iter(np.linspace(0.9, 0.31, 5 * len(frames)).tolist())
    scored = [([(row, next(scores)) for row in mine], right) for mine, right in frames]

    def value(pairs: list[Any]) -> list[float]:
        made = [found([row for row, _ in mine], [score for _, score in mine]) for mine, _ in pairs]
        reading = DetectionReading(made, [truth(right) for _, right in pairs], 0.3)
        return [reading.value(), *sorted(reading.scores().values), *reading.others().values()]

    shuffled = [(random.sample(a, len(a)), random.sample(b, len(b))) for a, b in random.sample(scored, len(scored))]
    assert value(shuffled) == pytest.approx(value(scored), nan_ok=True)


@given(OBJECTS, OBJECTS)
def test_agreement_is_symmetric(a: Any, b: Any) -> None:
    one, other = (DetectionReading([found(rows)], [None], 0.3) for rows in (a, b))
    assert not one.labelled
    values = [float(x.agreement(y).values[0]) for x, y in ((one, other), (other, one))]
    assert 0 <= min(values) <= 1
    if not a or not b:
        assert values[0] == values[1] == (1.0 if not a and not b else 0.0)


def test_scores_under_the_threshold_count_for_precision_alone() -> None:
    reading = DetectionReading([found([(1, WHOLE), (2, LEFT)], [0.9, 0.2])], [truth([(1, WHOLE), (2, LEFT)])], 0.3)
    assert reading.value() == pytest.approx(1.0)
    assert reading.scores().values.tolist() == [pytest.approx(2 / 3)]
    first, second = reading.classes()
    assert (first.recall, first.f1, second.recall, second.precision) == (1, 1, 0, None)
    assert second.score == pytest.approx(1)
    # The other target's detection of .32 and this one's of .2 are the same object: no cliff at .3.
    near = DetectionReading([found([(1, WHOLE), (2, LEFT)], [0.9, 0.32])], [None], 0.3)
    assert reading.agreement(near).values.tolist() == [1.0]


def test_ten_overlaps() -> None:
    assert [round(t, 2) for t in THRESHOLDS] == [0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95]
