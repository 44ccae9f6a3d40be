"""A night's judgement: what is told, what is not, and that it depends on the points alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from farm.sections.trend import Trend
from farm.trend.judge import judge
from farm.trend.level import level
from farm.trend.series import Point
from tests.trend.levels import BEGIN, DAY, moment, series, until

if TYPE_CHECKING:
    from farm.trend.judge import Suspicion
    from farm.trend.series import Series

Array = np.ndarray[Any, Any]
USUAL = Trend()


def noise(nights: int, *, rows: int = 1, seed: int = 1, share: float = 0.015) -> Array:
    return 20 * (1 + np.random.default_rng(seed).normal(0, share, (rows, nights)))


def nightly(one: Series, first: int) -> tuple[int, Suspicion] | None:
    """The first night, from `first` on, on which it is told."""
    for night in range(first, len(one.points)):
        if told := judge([until(one, night)], USUAL, now=moment(night)):
            return night, told[0]
    return None


def test_a_shift_is_told_within_days_with_where_it_began_and_what_else_changed() -> None:
    values = noise(80)[0]
    values[60:] *= 1.06
    one = series(values, runtime="2.3.0")
    newer = tuple(p.model_copy(update={"circumstances": {"runtime": "2.4.0"}}) for p in one.points[60:])
    found = nightly(one.model_copy(update={"points": one.points[:60] + newer}), 40)
    assert found is not None
    night, told = found
    assert 62 <= night <= 66
    shift = told.shift
    assert (told.series, shift.run, shift.begins) == (1, 1060, moment(60))
    assert (shift.nights_before, shift.nights_after) == (60, night - 59)
    assert shift.change == pytest.approx(0.06, abs=0.015)
    assert shift.after / shift.before - 1 == pytest.approx(shift.change)
    assert shift.spread == pytest.approx(0.3, rel=0.4)
    assert shift.worse
    assert [d.model_dump() for d in shift.differing] == [{"name": "runtime", "before": "2.3.0", "after": "2.4.0"}]


def test_an_improvement_is_a_shift_that_is_not_worse() -> None:
    values = noise(70)[0]
    values[60:] *= 0.94
    (told,) = judge([series(values)], USUAL, now=moment(69))
    assert not told.shift.worse
    (told,) = judge([series(values, better="high")], USUAL, now=moment(69))
    assert told.shift.worse


def test_accuracy_that_never_moved_and_then_does_is_told_by_the_third_night() -> None:
    values = [0.7125] * 60 + [0.7000] * 10
    found = nightly(series(values, metric="top1", better="high"), 55)
    assert found is not None
    assert 60 < found[0] <= 62
    assert not found[1].shift.relative
    assert found[1].shift.change == pytest.approx(-0.0125)
    assert found[1].shift.spread == 0


@pytest.mark.parametrize(
    "values",
    [
        [5.0] * 90,
        [0.0] * 90,
        [*noise(89)[0], 200.0],
        [*noise(60)[0], 90.0, *noise(20, seed=2)[0], 90.0, 91.0],
        [*noise(88)[0] / 1.004, *noise(12, seed=2)[0]],
        [0.7125] * 60 + [0.7100] * 20,
        [*noise(13)[0], *1.2 * noise(3)[0]],
    ],
    ids=["equal", "nothing", "one bad night", "three bad nights", "below the floor", "share below it", "too short"],
)
def test_what_is_no_shift_is_not_told(values: list[float]) -> None:
    metric = "top1" if values[0] < 1 else "latency.median"
    assert nightly(series(values, metric=metric), len(values) - 12) is None


def test_a_night_is_judged_by_what_was_known_then() -> None:
    values = noise(90)[0]
    values[60:] *= 1.05
    whole = series(values)
    for night in (59, 61, 64, 70):
        assert judge([whole], USUAL, now=moment(night)) == judge([until(whole, night)], USUAL, now=moment(night))


def test_one_phone_that_slows_down_moves_many_series_and_is_told_the_sooner() -> None:
    values = noise(80, rows=60)
    values[:20, 60:] *= 1.03
    together = [series(row, number=i) for i, row in enumerate(values)]
    quiet = [series(row, number=100 + i) for i, row in enumerate(noise(80, rows=59, seed=9))]

    def first(many: list[Series]) -> int:
        for night in range(60, 80):
            if any(t.series == 3 for t in judge([until(s, night) for s in many], USUAL, now=moment(night))):
                return night
        return 99

    assert first(together) < first([together[3], *quiet])
    told = judge(together, USUAL, now=moment(79))
    assert {t.series for t in told} == set(range(20))
    assert {t.judged for t in told} == {60}
    assert [t.evidence for t in told] == sorted((t.evidence for t in told), reverse=True)
    mixed = together[::-1]
    assert {t.series: t.shift for t in judge(mixed, USUAL, now=moment(79))} == {t.series: t.shift for t in told}


def test_runs_of_one_night_count_once() -> None:
    one = series([10.0] * 30)
    twice = [p.model_copy(update={"at": p.at + 60, "run": p.run + 500, "value": 12.0}) for p in one.points]
    both = one.model_copy(update={"points": tuple(sorted((*one.points, *twice), key=lambda p: p.at))})
    nights = level(both, moment(30), 14)
    assert nights.values.tolist() == [11.0] * 30
    assert [p.run for p in nights.points] == [p.run for p in twice]
    by_day = both.model_copy(update={"points": tuple(p.model_copy(update={"night": None}) for p in both.points)})
    assert level(by_day, moment(30), 14).values.tolist() == [11.0] * 30


def test_what_is_older_than_two_periods_is_out_of_date() -> None:
    one = series(range(700))
    for night in (181, 182, 400, 699):
        nights = level(one, moment(night), 14)
        assert len(nights.points) <= 364
        assert nights.points[-1] == one.points[night]
        assert nights.first >= 14
    assert level(one.model_copy(update={"points": ()}), moment(3), 14).values.tolist() == []


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats() | st.sampled_from([1.0, 2.0]), max_size=40), st.sampled_from(["latency.median", "top1"]))
def test_any_figures_are_judged_alike_twice_and_what_is_told_is_finite(values: list[float], metric: str) -> None:
    points = tuple(
        Point(at=BEGIN + t * DAY, run=t, value=v, circumstances={"temperature": str(v)}) for t, v in enumerate(values)
    )
    one = series([], metric=metric).model_copy(update={"points": points})
    with np.errstate(all="ignore"):
        told = judge([one], USUAL, now=moment(50))
        assert judge([one], USUAL, now=moment(50)) == told
    for suspicion in told:
        assert np.isfinite([suspicion.shift.before, suspicion.shift.after, suspicion.shift.change]).all()
        assert suspicion.evidence > 0


@pytest.mark.slow
def test_replayed_over_half_a_year_chance_is_not_told_and_shifts_are() -> None:
    values = noise(180, rows=150, seed=11)
    values[:30, 90:] *= 1.05
    told: dict[int, int] = {}
    whole = [series(row, number=i) for i, row in enumerate(values)]
    for night in range(180):
        open_ = [until(s, night) for s in whole if s.id not in told]
        told |= {t.series: night for t in judge(open_, USUAL, now=moment(night))}
    assert set(range(30)) <= set(told)
    assert sum(92 <= told[i] <= 110 for i in range(30)) >= 29
    # As many as are allowed in so many nights.
    assert len(told) - 30 <= 180 * USUAL.rate
