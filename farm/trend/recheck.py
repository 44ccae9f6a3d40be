"""Whether a suspect that was run again shows its shift again."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from farm.trend.series import Point
    from farm.trend.shift import Shift

Answer = Literal["confirmed", "refuted", "undecided"]

MISTAKEN = 0.05
"""Chance of either wrong answer, where the old or the new level is the true one."""
LEAST_SPREAD = 0.1
"""Of the shift: nights that were all alike do not make the next one alike."""


def confirmed(shift: Shift, again: Sequence[Point]) -> Answer:
    """Which of the two levels the points that were taken `again` are of; `undecided`: one more run would tell more.

    Wald's sequential test of two normal means (1945), with the spread of single nights. A shift of three times that is mostly
    decided by one run, one as small as the spread takes about six.
    """
    gap = shift.after - shift.before
    spread = max(shift.spread, LEAST_SPREAD * abs(gap))
    bound = math.log((1 - MISTAKEN) / MISTAKEN)
    middle, told = (shift.before + shift.after) / 2, 0.0
    for point in again:
        weight = gap / spread * ((point.value - middle) / spread) if spread > 0 and math.isfinite(point.value) else 0.0
        told += 0.0 if math.isnan(weight) else min(max(weight, -bound), bound)
        if abs(told) >= bound:
            return "confirmed" if told > 0 else "refuted"
    return "undecided"
