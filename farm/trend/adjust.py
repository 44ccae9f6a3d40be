"""Values as they would be on a usual day of the week at the usual temperature, as far as the series itself tells the effects.

A level that shifts as it gets warmer may pass for an effect of temperature, and such an effect for a shift. So the effects are
learnt beside a step, at the night where a step explains most: a shift stays whole. In return it is told of a step at each
night how much of it no effect can imitate: the evidence for it counts that much only (farm.trend.control).

Least squares, the effects with normal priors about 0 (ridge regression); the step has none. Its estimate has the variance
1 / (apart n_old n_new / n), where it would be 1 / (n_old n_new / n) if the effects were known. Sources: Frisch, Waugh 1933 (the
step beside the effects); Lindon, Ham, Tingley, Bojinov 2022, "Anytime-valid linear models" (its evidence, for normal values).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    Array = np.ndarray[Any, Any]

WEEK = 7
LEAST = 2 * WEEK
"""Nights below which nothing is adjusted."""
OUTLYING = 3.0
"""Standard deviations from the median at which a value teaches no further."""
DIGITS = 9
"""Of a standard deviation: what rounding leaves is no order of values."""
WEEKDAY = 1.0
"""Standard deviation of the effect of a weekday before any night is known, in those of single nights."""
KELVIN = 0.5
"""The same of a kelvin."""
HOTTEST = 200.0
"""Degrees, either way, beyond which a temperature is none."""
TINY = 1e-9


class Adjusted(NamedTuple):
    """Of series [s] over nights [n]."""

    values: Array
    """f64 [s, n]: less the effects, in the unit they came in."""
    apart: Array
    """f64 [s, n] in [0, 1]: share of a step that begins at each night, in squares, that no effect can imitate."""


def adjusted(values: Array, weekdays: Array, temperature: Array) -> Array:
    """f64 [s, n]: as `adjusting`, beside a step at any night."""
    return adjusting(values, weekdays, temperature, np.ones(len(values), int)).values


def adjusting(values: Array, weekdays: Array, temperature: Array, first: Array) -> Adjusted:
    """Values [s, n] less the effects of weekdays (int [s, n], 0 to 6) and temperature ([s, n], degrees, or NaN).

    A step is looked for from the index `first` (int [s], 1 to n - 1) on. A series of which half the values are equal is left
    alone, and so is temperature where no more than half of the nights have it.
    """
    series, n = values.shape
    if n < LEAST:
        return Adjusted(values, np.ones(values.shape))
    center = np.median(values, 1, keepdims=True)
    scale = 1.4826 * np.median(np.abs(values - center), 1, keepdims=True)
    unit = np.where(scale > 0, scale, 1.0)
    y = np.clip((values - center) / unit, -OUTLYING, OUTLYING)
    causes = np.concatenate((WEEKDAY * (weekdays[:, :, None] == np.arange(WEEK)), KELVIN * _warmth(temperature)), 2)
    causes -= causes.mean(1, keepdims=True)
    turned = causes.transpose(0, 2, 1)
    # [s, causes, causes]: covariance of the effects, given the values.
    spread = np.linalg.inv(turned @ causes + np.eye(causes.shape[2]))
    rest = y - y.mean(1, keepdims=True) - _effect(causes, spread, y)
    index = np.arange(n)
    known = np.maximum((n - index) * index / n, TINY)
    within = _from_each(causes)
    sure = np.maximum(known - ((within @ spread) * within).sum(2), TINY)
    height = _from_each(rest) / sure
    explained = np.where(index >= first[:, None], height**2 * sure, -1.0)
    row, begin = np.arange(series), explained.argmax(1)
    step = np.where(index >= begin[:, None], height[row, begin][:, None], 0.0)
    effect = _effect(causes, spread, y - step)
    plain = np.where(scale > 0, center + unit * np.round((values - center) / unit - effect, DIGITS), values)
    apart = np.clip(sure / known, 0.0, 1.0)
    # What one step teaches of the effects moves all nights: no other may count for more.
    apart = np.minimum(apart, apart[row, begin][:, None])
    return Adjusted(plain, np.where(scale > 0, apart, 1.0))


def _warmth(temperature: Array) -> Array:
    """[s, n, 1]: kelvin about the mean; 0 where it is not known."""
    known = np.abs(temperature) <= HOTTEST
    many = known.sum(1, keepdims=True)
    mean = np.where(known, temperature, 0.0).sum(1, keepdims=True) / np.maximum(many, 1)
    result: Array = np.where(known & (2 * many > temperature.shape[1]), temperature - mean, 0.0)[:, :, None]
    return result


def _effect(causes: Array, spread: Array, y: Array) -> Array:
    """[s, n]: what the causes [s, n, c] have likely done to y [s, n]."""
    result: Array = (causes @ (spread @ (causes.transpose(0, 2, 1) @ y[:, :, None])))[:, :, 0]
    return result


def _from_each(terms: Array) -> Array:
    """Sums of terms [s, n, ...] from each night to the last."""
    result: Array = terms[:, ::-1].cumsum(1)[:, ::-1]
    return result
