"""The nights of one level of a series, as arrays: what the judge looks at."""

from __future__ import annotations

import functools
import math
import statistics
from bisect import bisect_left, bisect_right
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from farm.trend.differing import number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from farm.trend.series import Point, Series

    Array = np.ndarray[Any, Any]

DAY = 86400.0
PERIOD = 182 * DAY
"""Twice a year the look begins anew: at most two periods are looked at, and what is older is out of date."""
OVERLAP = 28 * DAY
"""Nights before a period begins at which a new level may still begin: what just happens is not lost."""
LONGEST = 400
"""Nights of two periods, at most."""
SHARE = PERIOD / (PERIOD + OVERLAP)
"""Nights of a period by the nights at which a new level may begin: the price of the overlap."""


@dataclass(frozen=True)
class Level:
    """n nights, the oldest first."""

    points: tuple[Point, ...]
    """[n]: of each night the last."""
    values: Array
    """f64 [n]: of each night the median."""
    weekdays: Array
    """int [n], 0 to 6, counted from the first night."""
    temperature: Array
    """f64 [n], degrees Celsius; NaN where nobody measured."""
    ties: Array
    """f64 [n] in [0, 1), a hash of the run: throws the order of equal values, the same each time."""
    first: int
    """Least index at which a new level is looked for."""


def level(series: Series, now: float, nights_before: int) -> Level:
    """The nights of the present and the last period up to `now`, Unix seconds. Periods begin at the same dates for all."""
    begins = now // PERIOD * PERIOD
    points = series.points[
        bisect_left(series.points, begins - PERIOD, key=_at) : bisect_right(series.points, now, key=_at)
    ]
    found = nights(points)
    return replace(found, first=max(nights_before, bisect_left(found.points, begins - OVERLAP, key=_at)))


def nights(points: Sequence[Point]) -> Level:
    """The newest LONGEST nights of these points, the oldest first; a new level may begin at any of them."""
    found = _nights([p for p in points if math.isfinite(p.value)])[-LONGEST:]
    last = tuple(night[-1] for night in found)
    at = np.array([p.at for p in last])
    return Level(
        points=last,
        values=np.array([night[0].value if len(night) == 1 else _median(night) for night in found]),
        weekdays=np.rint((at - at[0]) / DAY).astype(int) % 7 if len(at) else np.zeros(0, int),
        temperature=np.array([_celsius(p.circumstances.get("temperature", "")) for p in last]),
        ties=_hashed(last),
        first=0,
    )


def _at(point: Point) -> float:
    return point.at


def _nights(points: Sequence[Point]) -> list[list[Point]]:
    """Runs of one night tell one thing together; what people submit counts by days (UTC)."""
    nights: list[list[Point]] = []
    before: tuple[int, int] | None = None
    for point in points:
        night = (0, int(point.at // DAY)) if point.night is None else (1, point.night)
        if night == before:
            nights[-1].append(point)
        else:
            nights.append([point])
        before = night
    return nights


def _median(night: Sequence[Point]) -> float:
    return statistics.median(point.value for point in night)


@functools.lru_cache(maxsize=4096)
def _celsius(word: str) -> float:
    value = number(word)
    return math.nan if value is None else value


def _hashed(points: Sequence[Point]) -> Array:
    """splitmix64 (Steele, Lea, Flood 2014) of the runs' numbers."""
    z = np.array([p.run for p in points], np.uint64) + np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    result: Array = ((z ^ (z >> np.uint64(31))) >> np.uint64(11)) / float(1 << 53)
    return result
