"""What second runs say of a suspect."""

from __future__ import annotations

import numpy as np
import pytest

from farm.trend.recheck import confirmed
from farm.trend.series import Point
from farm.trend.shift import Shift


def shift(before: float, after: float, spread: float) -> Shift:
    return Shift(
        begins=0, run=1, before=before, after=after, nights_before=60, nights_after=5, change=after / before - 1,
        worse=True, spread=spread, p_value=0.005,
    )  # fmt: skip


def points(*values: float) -> list[Point]:
    return [Point(at=t, run=t, value=v) for t, v in enumerate(values)]


@pytest.mark.parametrize(
    ("values", "answer"),
    [
        ((), "undecided"),
        ((21.0,), "confirmed"),
        ((20.0,), "refuted"),
        ((20.5, 20.5, 20.5), "undecided"),  # between the levels
        ((20.51, float("nan")), "undecided"),
        ((20.6, 20.6, 20.6), "confirmed"),
        ((19.0,), "refuted"),  # beyond the old level
    ],
)
def test_the_nearer_level_is_the_answer_once_it_is_sure(values: tuple[float, ...], answer: str) -> None:
    assert confirmed(shift(20.0, 21.0, 0.3), points(*values)) == answer


def test_levels_without_spread_are_told_apart_by_one_run() -> None:
    accuracy = shift(0.7125, 0.7, 0.0)
    assert confirmed(accuracy, points(0.7)) == "confirmed"
    assert confirmed(accuracy, points(0.7125)) == "refuted"
    assert confirmed(shift(0.7, 0.7, 0.0), points(0.7)) == "undecided"
    assert confirmed(shift(1e200, 2e200, 0.0), points(2e200)) == "confirmed"


def test_wrong_answers_are_as_rare_as_promised() -> None:
    random = np.random.default_rng(8)
    suspect = shift(20.0, 20.4, 0.3)
    for truth, wrong in ((20.0, "confirmed"), (20.4, "refuted")):
        answers: list[str] = [confirmed(suspect, points(*random.normal(truth, 0.3, 40))) for _ in range(1000)]
        assert answers.count("undecided") < 5
        assert answers.count(wrong) <= 0.05 * 1000
