"""Second looks and later nights on an unusual day: what the series' own history explains is no answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from farm.trend.recheck import confirmed
from farm.trend.regression import Regression
from farm.trend.series import Point
from farm.trend.shift import Shift
from farm.trend.usual import usual
from tests.trend.levels import moment, series

if TYPE_CHECKING:
    from farm.trend.series import Series

Array = np.ndarray[Any, Any]
NIGHTS, BEGIN = 60, 55
USUAL_C = 30.0
PER_KELVIN = 0.004


def past(seed: int, by: float) -> tuple[Series, Regression]:
    """0.5 % noise, 0.4 % a kelvin; the last five nights are `by` more: there a shift is suspected."""
    random = np.random.default_rng(seed)
    celsius = USUAL_C + random.normal(0, 3, NIGHTS)
    values = 20 * (1 + PER_KELVIN * (celsius - USUAL_C)) * random.normal(1, 0.005, NIGHTS)
    values[BEGIN:] *= 1 + by
    one = series(values, celsius=celsius.tolist())
    shift = Shift(
        begins=moment(BEGIN), run=1, before=20.0, after=20.0 * (1 + by), nights_before=BEGIN, nights_after=5, change=by,
        worse=True, spread=0.1, p_value=0.002,
    )  # fmt: skip
    found = Regression(
        id=1, series=1, key=one.key, unit="ms", better="low", status="checking", found=moment(NIGHTS - 1),
        changed=moment(NIGHTS - 1), shift=shift,
    )  # fmt: skip
    return one, found


def taken(celsius: float, level: float, *, runs: int = 3, seed: int = 1) -> list[Point]:
    """In the hours after the last night."""
    draw = np.random.default_rng(seed).normal(1, 0.005, runs)
    return [
        Point(
            at=moment(NIGHTS - 1) + 600.0 * (n + 1), run=n,
            value=level * (1 + PER_KELVIN * (celsius - USUAL_C)) * float(d), circumstances={"temperature": f"{celsius}"},
        )
        for n, d in enumerate(draw)
    ]  # fmt: skip


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    ("celsius", "level", "unadjusted", "adjusted"),
    [(40.0, 20.0, "confirmed", "refuted"), (20.0, 20.8, "refuted", "confirmed")],
    ids=["a hot day shows no shift", "a cold day hides none"],
)
def test_the_temperature_of_a_second_look_is_taken_out(
    seed: int, celsius: float, level: float, unadjusted: str, adjusted: str
) -> None:
    one, found = past(seed, 0.04)
    again = taken(celsius, level, seed=seed)
    assert confirmed(found.shift, again) == unadjusted
    assert confirmed(*usual(found, one.points, again)) == adjusted


def test_so_is_its_day_of_the_week() -> None:
    random = np.random.default_rng(2)
    values = 20 * random.normal(1, 0.012, 84)
    values[np.arange(84) % 7 == 0] *= 1.04
    values[80:] *= 1.05
    one = series(values)
    found = past(0, 0.05)[1]
    shift = found.shift.model_copy(
        update={"begins": moment(80), "nights_before": 80, "nights_after": 4, "spread": 0.24}
    )
    found = found.model_copy(update={"shift": shift, "found": moment(83)})
    on_the_slow_day = [Point(at=moment(84) + 600.0 * n, run=n, value=20.8) for n in range(3)]
    assert confirmed(shift, on_the_slow_day) == "confirmed"
    assert confirmed(*usual(found, one.points, on_the_slow_day)) == "refuted"


def test_the_levels_are_adjusted_with_the_points() -> None:
    one, found = past(3, 0.04)
    shift, (point, *_) = usual(found, one.points, taken(USUAL_C, 20.8))
    assert shift.before == pytest.approx(20.0, rel=0.01)
    assert shift.after == pytest.approx(20.8, rel=0.01)
    assert point.value == pytest.approx(20.8, rel=0.015)
    assert shift.spread == found.shift.spread


def test_what_has_no_history_stays_as_it_was_taken() -> None:
    one, found = past(4, 0.04)
    again = taken(40.0, 20.0)
    assert usual(found, one.points[BEGIN:], again) == (found.shift, tuple(again)), "the level before is out of date"
    assert usual(found, (), ()) == (found.shift, ())
    nothing = again[0].model_copy(update={"value": float("nan")})
    assert usual(found, one.points, [nothing]) == (found.shift, ())
    unmeasured = again[0].model_copy(update={"circumstances": {}})
    _, (point,) = usual(found, one.points, [unmeasured])
    assert point.value == pytest.approx(unmeasured.value, rel=0.01), "nobody measured the heat of that run"


def test_a_night_that_began_before_is_no_part_of_what_is_taken_again() -> None:
    one, found = past(5, 0.04)
    last = one.points[-1]
    later = [last.model_copy(update={"at": last.at + 60.0 * n, "run": n}) for n in (1, 2)]
    assert [p.run for p in usual(found, one.points, later)[1]] == [1, 2]


@settings(max_examples=40, deadline=None)
@given(
    nights=st.lists(st.tuples(st.integers(0, 40), st.floats(), st.sampled_from(["", "20", "40.5"])), max_size=40),
    again=st.lists(st.tuples(st.integers(30, 80), st.floats(), st.sampled_from(["", "nan", "30"])), max_size=4),
    begins=st.integers(0, 60),
)
def test_whatever_was_measured_is_answered(
    nights: list[tuple[int, float, str]], again: list[tuple[int, float, str]], begins: int
) -> None:
    def points(told: list[tuple[int, float, str]]) -> list[Point]:
        return [
            Point(at=moment(n), run=run, night=n // 2, value=v, circumstances={"temperature": c})
            for run, (n, v, c) in enumerate(sorted(told, key=lambda one: one[0]))
        ]

    found = past(0, 0.04)[1]
    found = found.model_copy(update={"shift": found.shift.model_copy(update={"begins": moment(begins)})})
    with np.errstate(all="ignore"):
        shift, told = usual(found, points(nights), points(again))
        assert confirmed(shift, told) in ("confirmed", "refuted", "undecided")
    assert [p.run for p in told] == [p.run for p in points(again) if np.isfinite(p.value)]
