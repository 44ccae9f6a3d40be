"""Weekdays and temperature are taken out, and nothing else is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from farm.trend.adjust import LEAST, adjusted, adjusting
from farm.trend.control import evidence

Array = np.ndarray[Any, Any]
N = 140
DAYS = np.arange(N)[None] % 7
UNKNOWN = np.full((1, N), np.nan)


def noise(seed: int = 1) -> Array:
    return np.random.default_rng(seed).normal(0, 1.5, (1, N))


def test_weekdays_are_taken_out() -> None:
    effect = np.where(DAYS >= 5, 4.0, 0.0)
    plain = adjusted(100 + noise() + effect, DAYS, UNKNOWN)
    weekend, week = plain[0, DAYS[0] >= 5], plain[0, DAYS[0] < 5]
    assert abs(weekend.mean() - week.mean()) < 0.5


def test_weekdays_without_an_effect_change_next_to_nothing() -> None:
    values = 100 + noise(3)
    assert (adjusted(values, DAYS, UNKNOWN) - values).std() < 0.3 * values.std()


def test_a_drift_with_temperature_is_taken_out() -> None:
    warmth = 30 + 5 * np.sin(np.arange(N)[None] / 25) + np.random.default_rng(2).normal(0, 1, (1, N))
    values = 100 + noise() + 0.8 * (warmth - 30)
    assert np.corrcoef(values[0], warmth[0])[0, 1] > 0.8
    assert abs(np.corrcoef(adjusted(values, DAYS, warmth)[0], warmth[0])[0, 1]) < 0.1


def test_a_level_that_shifts_as_it_gets_warmer_stays_shifted() -> None:
    later = np.arange(N)[None] >= 100
    warmth = 30 + 6 * later + np.random.default_rng(2).normal(0, 1.5, (1, N))
    plain = adjusted(100 + noise() + 8 * later, DAYS, warmth)
    assert np.median(plain[0, 100:]) - np.median(plain[0, :100]) > 4


def test_a_shift_of_the_size_of_the_noise_survives_a_slow_swing_of_the_temperature() -> None:
    random, rows = np.random.default_rng(4), 40
    nights = np.tile(np.arange(N), (rows, 1))
    warmth = 30 + 5 * np.sin(2 * np.pi * (nights / 180 + random.random((rows, 1)))) + random.normal(0, 1.5, (rows, N))
    values = 100 + random.normal(0, 1.5, (rows, N)) + 0.3 * (warmth - 30) + 2 * (nights >= 110)
    plain = adjusted(values, nights % 7, warmth)
    kept = np.median(plain[:, 110:], 1) - np.median(plain[:, :110], 1)
    assert np.median(kept) == pytest.approx(2, abs=0.3)


def test_a_step_that_temperature_can_imitate_counts_for_little() -> None:
    """Of a device that moved to a warmer room, every level or slope would do: 5 % of them may gather 20 times the starts."""
    random, rows, first, moved = np.random.default_rng(6), 400, 14, 60
    days = np.tile(np.arange(N) % 7, (rows, 1))
    warmth = 30 + random.normal(0, 0.3, (rows, N)) + 5 * (np.arange(N) >= moved)
    values = 100 + random.normal(0, 1.5, (rows, N)) + 0.3 * (warmth - 30)
    plain, apart = adjusting(values, days, warmth, np.full(rows, first))
    assert np.median(apart[:, moved]) < 0.2
    ties = random.random((rows, N))
    bound = 20 * (N - first)
    assert (evidence(plain, first, ties, apart) >= bound).mean() <= 0.05
    assert (evidence(plain, first, ties, np.ones(apart.shape)) >= bound).mean() > 0.05


def test_where_nothing_varies_a_step_counts_in_full() -> None:
    steady = adjusting(100 + noise(), DAYS, np.full((1, N), 30.0), np.array([14]))
    assert steady.apart[0, 14 : N - 7].min() > 0.9


def test_fewer_nights_than_two_weeks_are_left_alone() -> None:
    values = 100 + noise()[:, : LEAST - 1]
    assert np.array_equal(adjusted(values, DAYS[:, : LEAST - 1], values), values)


def test_what_just_shifted_teaches_nothing_of_temperature() -> None:
    later = np.arange(N)[None] >= 120
    warmth = 30 + 4 * np.sin(np.arange(N)[None] / 9) + np.random.default_rng(2).normal(0, 1, (1, N))
    known = 100 + noise() + 0.5 * (warmth - 30)
    gap = adjusted(known + 3 * later, DAYS, warmth) - adjusted(known, DAYS, warmth)
    assert gap[0, 120:].mean() - gap[0, :120].mean() == pytest.approx(3, abs=0.2)


def test_outliers_and_gaps_teach_nothing() -> None:
    values, warmth = 100 + noise(), np.where(np.arange(N)[None] % 9 == 0, np.nan, 30.0)
    values[0, 70] = 1e9
    plain = adjusted(values, DAYS, warmth)
    others = np.arange(N) != 70
    assert np.abs(plain - values)[0, others].max() < 1
    assert plain[0, 70] == pytest.approx(1e9)


@pytest.mark.parametrize("celsius", [np.inf, -np.inf, 1e300, 201.0])
def test_a_temperature_that_no_phone_has_is_not_known(celsius: float) -> None:
    values, warmth = 100 + noise(), 30 + noise(2)
    odd, unknown = warmth.copy(), warmth.copy()
    odd[0, 50], unknown[0, 50] = celsius, np.nan
    assert np.array_equal(adjusted(values, DAYS, odd), adjusted(values, DAYS, unknown))


def test_a_series_that_mostly_stands_still_is_left_alone() -> None:
    values = np.where(np.arange(N)[None] < 100, 0.71, 0.7)
    warmth = 30 + np.random.default_rng(2).normal(0, 5, (1, N))
    assert np.array_equal(adjusted(values, DAYS, warmth), values)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 1000), st.floats(1e-6, 1e6), st.floats(-1e3, 1e3), st.integers(8, N))
def test_units_do_not_matter(seed: int, factor: float, offset: float, nights: int) -> None:
    values, warmth = 100 + noise(seed), 30 + noise(seed + 1)
    arguments = DAYS[:, :nights], warmth[:, :nights]
    plain = adjusted(values[:, :nights], *arguments)
    other = adjusted(factor * (values[:, :nights] + offset), *arguments)
    assert np.isfinite(plain).all()
    assert other / factor - offset == pytest.approx(plain, abs=1e-5)
