"""Values as they would be on a usual day of the week at the usual temperature, as far as the series itself tells the effects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    Array = np.ndarray[Any, Any]

WEEK = 7
WEEKS = 4
"""Whole weeks before the days of the week are told apart."""
OUTLYING = 4.0
"""Standard deviations from the median at which a value counts no further."""
DIGITS = 9
"""Of a standard deviation: what rounding leaves is no order of values."""
FRESH = 28
"""Nights at the end that do not teach the effect of temperature, once there are three times as many."""
STRETCH = 0.15
"""Standard deviations by which an error of the slope by its standard error may move those nights, on average."""
WARM_C = 0.5
"""Standard deviation of the temperature below which it explains nothing, kelvin."""


def adjusted(values: Array, weekdays: Array, temperature: Array) -> Array:
    """f64 [s, n]: values [s, n] less the effects of weekdays (int [s, n], 0 to 6) and temperature ([s, n], degrees, or NaN).

    The effects are learnt on the assumption that nothing shifted, so that an adjusted chance series is still one. A series
    of which half the values are equal is left alone.
    """
    center = np.median(values, 1, keepdims=True)
    scale = 1.4826 * np.median(np.abs(values - center), 1, keepdims=True)
    unit = np.where(scale > 0, scale, 1.0)
    y = np.clip((values - center) / unit, -OUTLYING, OUTLYING)
    effect = _of_weekdays(y, weekdays)
    effect += _of_temperature(y - effect, temperature)
    result: Array = np.where(scale > 0, center + unit * np.round((values - center) / unit - effect, DIGITS), values)
    return result


def _of_weekdays(y: Array, weekdays: Array) -> Array:
    """Mean of each weekday about the week around it, drawn towards 0 as James and Stein 1961 do: to 0 where it may be chance."""
    n = y.shape[1]
    if n < WEEKS * WEEK:
        return np.zeros(y.shape)
    gap, days = _about_its_week(y), weekdays[:, WEEK // 2 : n - WEEK // 2]
    own = days[:, :, None] == np.arange(WEEK)
    counts = own.sum(1)
    means = (gap[:, :, None] * own).sum(1) / np.maximum(counts, 1)
    rest = gap - np.take_along_axis(means, days, 1)
    chance = (rest**2).sum(1) / max(1, gap.shape[1] - WEEK)
    between = (counts * means**2).sum(1) / (WEEK - 1)
    keep = np.clip(1 - 2 * chance / np.maximum(between, 1e-30), 0, 1)
    result: Array = np.take_along_axis(means * keep[:, None], weekdays, 1)
    return result


def _of_temperature(y: Array, temperature: Array) -> Array:
    """The slope over the whole history, as far as the nights about their weeks do not contradict it.

    The whole history knows a slow drift's slope best. A level that shifted as it got warmer would pass for a slope, were it not
    for the nights before and after. Where earlier nights know the slope well enough, the last weeks teach nothing: what just
    shifted is to stay a shift.
    """
    n = y.shape[1]
    known = np.isfinite(temperature)
    many = known.sum(1, keepdims=True)
    center = np.where(known, temperature, 0.0).sum(1, keepdims=True) / np.maximum(many, 1)
    t = np.where(known, temperature - center, 0.0)
    if n <= WEEK + 2:
        return np.zeros(y.shape)
    slope = _slope(y, t)
    if n >= 3 * FRESH:
        then = t[:, :-FRESH]
        beyond = np.abs(t[:, -FRESH:].mean(1) - then.mean(1))
        slope = np.where(beyond <= STRETCH * np.sqrt(then.shape[1]) * then.std(1), _slope(y[:, :-FRESH], then), slope)
    result: Array = np.where(many > n // 2, slope[:, None] * t, 0.0)
    return result


def _slope(y: Array, t: Array) -> Array:
    """[s]: by t, both [s, n]; 0 where t hardly varies."""
    y, t = y - y.mean(1, keepdims=True), t - t.mean(1, keepdims=True)
    spread = (t**2).sum(1)
    whole = (y * t).sum(1) / np.maximum(spread, 1e-30)
    gap, warmth = _about_its_week(y), _about_its_week(t)
    leverage = np.maximum((warmth**2).sum(1), 1e-30)
    near = (gap * warmth).sum(1) / leverage
    rest = ((gap - near[:, None] * warmth) ** 2).sum(1) / (gap.shape[1] - 1)
    slack = 3 * np.sqrt(rest / leverage)
    result: Array = np.where(spread > WARM_C**2 * t.shape[1], np.clip(whole, near - slack, near + slack), 0.0)
    return result


def _about_its_week(y: Array) -> Array:
    """[s, n - 6]: each value less the mean of the seven around it, in which every weekday is once."""
    sums = np.cumsum(np.pad(y, ((0, 0), (1, 0))), 1)
    result: Array = y[:, WEEK // 2 : y.shape[1] - WEEK // 2] - (sums[:, WEEK:] - sums[:, :-WEEK]) / WEEK
    return result
