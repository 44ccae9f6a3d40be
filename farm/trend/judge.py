"""Every night, all series at once: which of them have shifted, from when, by how much, and what else changed."""

from __future__ import annotations

import math
from collections import defaultdict
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from farm.report.base import Part
from farm.trend import edivisive
from farm.trend.adjust import adjusting
from farm.trend.control import evidence
from farm.trend.discoveries import discoveries
from farm.trend.level import SHARE, Level, level
from farm.trend.shift import Shift
from farm.trend.step import size, step

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from farm.sections.trend import Trend
    from farm.trend.series import Series

    Array = np.ndarray[Any, Any]

BATCH = 500
"""Series looked at together: thousands of years of nights need not be held at once."""


class Suspicion(Part):
    """A series that seems to have shifted: to be run again before anyone is told."""

    series: int
    shift: Shift
    evidence: float
    """What bets against chance have gained (farm.trend.control): a chance series ever reaches x within n nights with a
    probability of at most n / x."""
    judged: int
    """Series that were looked at together."""


def judge(series: Iterable[Series], settings: Trend, *, now: float) -> list[Suspicion]:
    """The suspicions of a night at `now` (Unix seconds; later points are not looked at), most evidence first.

    Each series comes with the points of one level: those since its last shift that was told, or its baseline. Its history is
    the state, and there is no other: judged again with the same points, a night gives the same answer. The points
    of the last 364 days are enough. They are taken BATCH series at a time and let go again.
    """
    judged, found = 0, list[tuple[int, Shift, float]]()
    waiting = iter(series)
    while batch := list(islice(waiting, BATCH)):
        looked, shifted = _judged(batch, settings, now)
        judged += looked
        found += shifted
    found.sort(key=lambda one: (-one[2], one[0]))
    told = discoveries(np.array([gained for _, _, gained in found]), settings.rate, judged)
    return [
        Suspicion(series=one, shift=shift, evidence=gained, judged=judged)
        for (one, shift, gained), tell in zip(found, told, strict=True)
        if tell
    ]


def _judged(series: Sequence[Series], settings: Trend, now: float) -> tuple[int, list[tuple[int, Shift, float]]]:
    """How many of them have nights enough, and which of those may have shifted: with what change, on what evidence."""
    least = settings.nights_before + settings.nights_after
    groups: dict[int, list[tuple[Series, Level]]] = defaultdict(list)
    for one in series:
        nights = level(one, now, settings.nights_before)
        if len(nights.values) >= least and len(nights.values) - nights.first >= settings.nights_after:
            groups[len(nights.values)].append((one, nights))
    found = []
    for group in groups.values():
        values, gained = _looked_at([nights for _, nights in group])
        # Fewer than all series of so much evidence are never told.
        for i in np.flatnonzero(gained * settings.rate >= 1):
            shift = _shift(*group[i], values[i], settings)
            if shift is not None:
                found.append((group[i][0].id, shift, float(gained[i])))
    return sum(map(len, groups.values())), found


def _looked_at(nights: list[Level]) -> tuple[Array, Array]:
    """Of series of one length n: adjusted values [s, n], and the evidence of each [s]."""
    firsts = np.array([one.first for one in nights])
    taken, weekdays, temperature = (
        np.stack([getattr(one, name) for one in nights]) for name in ("values", "weekdays", "temperature")
    )
    values, apart = adjusting(taken, weekdays, temperature, firsts)
    ties, gained = np.stack([one.ties for one in nights]), np.zeros(len(nights))
    for first in np.unique(firsts):
        own = firsts == first
        gained[own] = SHARE * evidence(values[own], int(first), ties[own], apart[own])
    return values, gained


def _shift(series: Series, nights: Level, values: Array, settings: Trend) -> Shift | None:
    """The two levels, where they are sure and far enough apart."""
    change = edivisive.newest(values, settings.nights_after)
    if change is None or change.p_value > edivisive.SURE:
        return None
    shift = step(series, nights, values, (0, change.begin, len(values)), change.p_value)
    return shift if math.isfinite(shift.change) and size(shift, settings) >= 1 else None
