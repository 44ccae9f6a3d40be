"""Many series night by night: the median of all, and where the middle 80 % of them are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from farm.report.base import Part
from farm.trend.level import DAY

if TYPE_CHECKING:
    from collections.abc import Sequence

    Array = np.ndarray[Any, Any]

LOW, HIGH = 0.1, 0.9
NO_NIGHT = -1


class Spread(Part):
    """A figure of each night, the oldest first: all tuples are as long as `at`. In the unit of the series."""

    series: int = 0
    """Of how many."""
    at: tuple[float, ...] = ()
    """Unix seconds of the first run of a night."""
    low: tuple[float, ...] = ()
    """The 10 % quantile, interpolated linearly, as all here."""
    median: tuple[float, ...] = ()
    high: tuple[float, ...] = ()
    """The 90 % quantile."""


def spread(found: Sequence[Array]) -> Spread:
    """Of series, each f64 [n, 3]: the night (NO_NIGHT: what people submitted counts by days, UTC), Unix seconds, value."""
    night, at, value = np.concatenate((*found, np.zeros((0, 3)))).T
    group = np.where(night == NO_NIGHT, -2 - at // DAY, night)
    order = np.lexsort((value, group))
    starts = np.flatnonzero(np.diff(group[order], prepend=np.nan))
    counts = np.diff(starts, append=len(order))
    value, first = value[order], np.minimum.reduceat(at[order], starts) if len(starts) else starts
    by_time = np.argsort(first)

    def quantile(share: float) -> tuple[float, ...]:
        place = (counts - 1) * share
        below = place.astype(int)
        above = starts + np.minimum(below + 1, counts - 1)
        level = value[starts + below]
        return tuple((level + (place - below) * (value[above] - level))[by_time].tolist())

    return Spread(
        series=len(found),
        at=tuple(first[by_time].tolist()),
        low=quantile(LOW),
        median=quantile(0.5),
        high=quantile(HIGH),
    )
