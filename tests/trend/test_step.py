"""Steps of the past: found where they are, not below the floor, seldom where there is none; and whether one was told."""

from __future__ import annotations

import numpy as np
import pytest

from farm.sections.trend import Trend
from farm.trend.line import Line, line
from farm.trend.regression import Regression, Status
from farm.trend.shift import Shift
from farm.trend.step import steps
from tests.trend.levels import BEGIN, DAY, moment, series

RANDOM = np.random.default_rng(11)


def noisy(levels: list[tuple[float, int]], noise: float = 0.015) -> list[float]:
    return [float(level * RANDOM.normal(1, noise)) for level, nights in levels for _ in range(nights)]


def test_every_change_of_level_is_a_step() -> None:
    found = steps(series(noisy([(10, 120), (10.6, 100), (9.8, 140)])), Trend())
    assert [one.run for one in found] == [pytest.approx(1120, abs=3), pytest.approx(1220, abs=3)]
    assert [one.worse for one in found] == [True, False]
    assert found[0].change == pytest.approx(0.06, abs=0.01)
    assert sum(one.nights_before for one in found) + found[-1].nights_after == 360
    assert found[0].begins == moment(found[0].run - 1000)


def test_a_level_that_passed_is_two_steps() -> None:
    found = steps(series(noisy([(10, 80), (11, 12), (10, 80)])), Trend())
    assert [one.run for one in found] == [pytest.approx(1080, abs=1), pytest.approx(1092, abs=1)]


def test_steps_below_the_floor_are_none_and_their_levels_one() -> None:
    values = [10.0] * 30 + [10.05] * 30 + [11.0] * 30
    (one,) = steps(series(values), Trend())
    assert (one.nights_before, one.nights_after) == (60, 30)
    assert one.before == pytest.approx(10.025)
    assert [step.before for step in steps(series(values), Trend(floor=0.001))] == pytest.approx([10.0, 10.05])


def test_shares_change_by_differences() -> None:
    (one,) = steps(series([0.9] * 20 + [0.88] * 20, metric="top1", better="high"), Trend())
    assert (one.relative, one.worse) == (False, True)
    assert one.change == pytest.approx(-0.02)
    assert not steps(series([0.9] * 20 + [0.897] * 20, metric="top1", better="high"), Trend())


def test_what_changed_with_it_is_named() -> None:
    before, after = series([10.0] * 20, runtime="r1"), series([12.0] * 40, runtime="r2")
    both = before.model_copy(update={"points": before.points + after.points[20:]})
    (one,) = steps(both, Trend())
    assert [(d.name, d.before, d.after) for d in one.differing] == [("runtime", "r1", "r2")]


def test_chance_makes_a_step_in_one_of_a_hundred_histories() -> None:
    values = np.random.default_rng(3).normal(10, 0.15, (400, 60))
    some = sum(bool(steps(series(row), Trend(floor=0))) for row in values)
    assert some <= 12, "one more often than 12 of 400 has a chance below 0.1 % at one of a hundred"


def test_short_equal_and_empty_histories_have_none() -> None:
    assert steps(series([]), Trend()) == ()
    assert steps(series([1.0, 2.0, 1.0, 2.0, 3.0]), Trend()) == ()
    assert steps(series([3.0] * 50), Trend()) == ()


def test_only_the_newest_400_nights_are_looked_at() -> None:
    (one,) = steps(series([1.0] * 50 + [2.0] * 50 + [4.0] * 350), Trend())
    assert (one.before, one.nights_before, one.nights_after) == (2.0, 50, 350)


def regression(number: int, begins: float, status: Status, change: float = 0.2) -> Regression:
    shift = Shift(
        begins=begins,
        run=1,
        before=1,
        after=2,
        nights_before=20,
        nights_after=3,
        change=change,
        worse=True,
        p_value=0.01,
    )
    one = series([1.0])
    return Regression(
        id=number,
        series=1,
        key=one.key,
        unit="ms",
        better="low",
        status=status,
        found=begins,
        changed=begins,
        shift=shift,
    )


@pytest.mark.parametrize(
    ("known", "told"),
    [
        ([], None),
        ([regression(1, BEGIN + 30 * DAY, "confirmed")], 1),
        ([regression(1, BEGIN + 33 * DAY, "confirmed"), regression(2, BEGIN + 29 * DAY, "accepted")], 2),
        ([regression(1, BEGIN + 30 * DAY, "refuted")], None),
        ([regression(1, BEGIN + 30 * DAY, "confirmed", change=-0.2)], None),
        ([regression(1, BEGIN + 40 * DAY, "confirmed")], None),
    ],
)
def test_a_step_is_told_by_the_nearest_regression_that_is_the_same(known: list[Regression], told: int | None) -> None:
    made = whole(known)
    found = made.told(made.steps[0])
    assert (found.id if found else None) == told


def whole(known: list[Regression]) -> Line:
    one = series([10.0] * 30 + [12.0] * 30)
    return line(one, known, (), None, steps(one, Trend()))


def test_a_line_since_a_moment_has_what_is_from_then_on() -> None:
    made = whole([])
    assert made.since(moment(30)).steps == made.steps
    later = made.since(moment(31))
    assert (len(later.series.points), later.steps) == (29, ())
