"""Steps: where the level of a series changed in the past, as its whole history says afterwards.

A regression is judged night by night against what is allowed to be false among all series, is run again, and told. A step is
found in hindsight, in one series by itself, is not run again, and nobody is told: of a hundred series without any, one
shows one.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from farm.trend.adjust import adjusted
from farm.trend.differing import differing
from farm.trend.edivisive import divide
from farm.trend.figures import ABSOLUTE
from farm.trend.level import nights
from farm.trend.shift import Shift

if TYPE_CHECKING:
    from collections.abc import Sequence

    from farm.sections.trend import Trend
    from farm.trend.level import Level
    from farm.trend.series import Series

    Array = np.ndarray[Any, Any]


def steps(series: Series, settings: Trend) -> tuple[Shift, ...]:
    """Those of the newest 400 nights of a series, the oldest first: e-divisive on ranks, adjusted as the judge does.

    Each level lasts at least `settings.nights_after`. What is smaller than the floor of the settings is none: the smallest
    goes first, and the levels beside it become one.
    """
    found = nights(series.points)
    if len(found.values) < 2 * settings.nights_after:
        return ()
    values = adjusted(found.values[None], found.weekdays[None], found.temperature[None])[0]
    changes = divide(values, settings.nights_after)
    while changes:
        ends = [0, *(change.begin for change in changes), len(values)]
        made = [
            step(series, found, values, (ends[i], change.begin, ends[i + 2]), change.p_value)
            for i, change in enumerate(changes)
        ]
        sizes = [size(one, settings) for one in made]
        least = int(np.argmin(sizes))
        if sizes[least] >= 1:
            return tuple(made)
        changes = (*changes[:least], *changes[least + 1 :])
    return ()


def step(series: Series, found: Level, values: Array, cut: Sequence[int], p_value: float) -> Shift:
    """From one level to the next: `values` [n] of the nights `found`; `cut`: the begin of either, and the end of the second."""
    begin, middle, end = cut
    old, new = values[begin:middle], values[middle:end]
    before, after = float(np.median(old)), float(np.median(new))
    moved = after / before - 1 if before > 0 and series.key.metric not in ABSOLUTE else math.inf
    relative = math.isfinite(moved)
    first = found.points[middle]
    return Shift(
        begins=first.at,
        run=first.run,
        before=before,
        after=after,
        nights_before=len(old),
        nights_after=len(new),
        change=moved if relative else after - before,
        relative=relative,
        worse=(after > before) == (series.better == "low"),
        spread=1.4826 * float(np.median(np.abs(np.concatenate((old - before, new - after))))),
        p_value=p_value,
        differing=differing(found.points[begin:middle], found.points[middle:end]),
    )


def size(one: Shift, settings: Trend) -> float:
    """In multiples of the least that matters."""
    return abs(one.change) / max(settings.floor if one.relative else settings.floor_share, 1e-12)
