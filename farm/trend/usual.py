"""Points that were taken again, and the two levels they are held against, as on a usual day at the usual temperature."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from farm.trend.adjust import adjusted
from farm.trend.level import nights

if TYPE_CHECKING:
    from collections.abc import Sequence

    from farm.trend.regression import Regression
    from farm.trend.series import Point
    from farm.trend.shift import Shift

ALONE = -1
"""Number of no night: what is taken again belongs to none of the others."""
LEAST = 2
"""Nights of each level, without which nothing is adjusted."""


def usual(regression: Regression, points: Sequence[Point], again: Sequence[Point]) -> tuple[Shift, tuple[Point, ...]]:
    """The shift and the points `again`, less what the series' own adjustment says of their weekdays and temperatures.

    Of `points`, those of the level it left and of its own, the ones before the first of `again` teach the effects. Each of
    `again` is looked at as the next night alone, so that it says nothing of the others. Where a level is out of date, all stay
    as they were taken.
    """
    shift, finite = regression.shift, tuple(p for p in again if math.isfinite(p.value))
    history = tuple(p for p in points if finite and p.at < finite[0].at)
    looked = [nights((*history, p.model_copy(update={"night": ALONE}))) for p in finite]
    at = np.array([p.at for p in looked[0].points[:-1]]) if looked else np.zeros(0)
    old, new = at < shift.begins, (at >= shift.begins) & (at <= regression.found)
    if min(old.sum(), new.sum()) < LEAST:
        return shift, finite
    values = adjusted(
        *(np.stack([getattr(one, name) for one in looked]) for name in ("values", "weekdays", "temperature"))
    )
    before, after = (np.median(values[:, :-1][:, level]) for level in (old, new))
    return (
        shift.model_copy(update={"before": float(before), "after": float(after)}),
        tuple(p.model_copy(update={"value": float(v)}) for p, v in zip(finite, values[:, -1], strict=True)),
    )
