"""Weekdays and temperature are taken out, and nothing else is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from farm.trend.adjust import adjusted

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
    assert np.abs(adjusted(values, DAYS, UNKNOWN) - values).max() < 0.75


def test_a_drift_with_temperature_is_taken_out() -> None:
    warmth = 30 + 5 * np.sin(np.arange(N)[None] / 25) + np.random.default_rng(2).normal(0, 1, (1, N))
    values = 100 + noise() + 0.8 * (warmth - 30)
    assert np.corrcoef(values[0], warmth[0])[0, 1] > 0.8
    assert abs(np.corrcoef(adjusted(values, DAYS, warmth)[0], warmth[0])[0, 1]) < 0.05


def test_a_level_that_shifts_as_it_gets_warmer_stays_shifted() -> None:
    later = np.arange(N)[None] >= 100
    warmth = 30 + 6 * later + np.random.default_rng(2).normal(0, 1.5, (1, N))
    plain = adjusted(100 + noise() + 8 * later, DAYS, warmth)
    assert np.median(plain[0, 100:]) - np.median(plain[0, :100]) > 4


def test_what_just_shifted_teaches_nothing_where_the_slope_is_known() -> None:
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
