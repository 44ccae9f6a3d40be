"""What second runs say of a suspect."""

from __future__ import annotations

import numpy as np
import pytest

from farm.trend.recheck import back, confirmed
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


@pytest.mark.parametrize(
    ("values", "first"),
    [
        ((), None),
        ((21.0, 20.0, 20.0), None),  # two nights are not enough, however clear
        ((21.0, 20.0, 20.0, 20.0), 1),
        ((20.0, 20.0, 20.0, 21.0), None),  # what the newest night says goes first
        ((21.0, 20.0, 20.0, 21.0, 20.0, 20.0, 20.0), 1),  # one of them is off
        ((21.0, *(20.4,) * 5), None),
        ((21.0, *(20.4,) * 9), 1),  # near the middle it takes more of them
    ],
)
def test_nights_as_before_are_those_from_the_first_one_on(values: tuple[float, ...], first: int | None) -> None:
    assert back(shift(20.0, 21.0, 0.3), points(*values)) == first


def test_a_level_that_stays_is_rarely_taken_for_the_old_one() -> None:
    random = np.random.default_rng(9)
    told = shift(20.0, 20.4, 0.3)
    nights = [points(*random.normal(20.4, 0.3, 228)) for _ in range(50)]
    wrong = sum(back(told, nights_[t - 28 : t]) is not None for nights_ in nights for t in range(28, 229))
    assert wrong <= 10  # of 10,050 looks, many of them at the same nights
    returned = [points(*random.normal(20.0, 0.3, 28)) for _ in range(200)]
    assert sum(back(told, nights_) is not None for nights_ in returned) >= 196
