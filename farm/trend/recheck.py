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
BACK = 3
"""Nights that have to be as before at least, each at the most as sure as a second look: looked at every night, for as long as a
regression is open, 5 % would soon be wrong."""
LEAST_SPREAD = 0.1
"""Of the shift: nights that were all alike do not make the next one alike."""
_BOUND = math.log((1 - MISTAKEN) / MISTAKEN)


def confirmed(shift: Shift, again: Sequence[Point]) -> Answer:
    """Which of the two levels the points that were taken `again` are of; `undecided`: one more run would tell more.

    Wald's sequential test of two normal means (1945), with the spread of single nights. A shift of three times that is mostly
    decided by one run, one as small as the spread takes about six.
    """
    told = 0.0
    for weight in _weights(shift, again):
        told += weight
        if abs(told) >= _BOUND:
            return "confirmed" if told > 0 else "refuted"
    return "undecided"


def evidence(shift: Shift, points: Sequence[Point]) -> float:
    """Of all points for the new level (above 0) or the old one: a log likelihood ratio."""
    return sum(_weights(shift, points))


def back(shift: Shift, later: Sequence[Point]) -> int | None:
    """Index of the first of the newest points of `later` that are of the old level again; None: they are not.

    Their likelihood against the new level is looked at from each night on (Page's cumulative sums, 1954), with a bound that a
    level which stays reaches once in 6,859 nights at most, in the mean.
    """
    told, sums = 0.0, list[float]()
    for weight in reversed(_weights(shift, later)):
        told += weight
        sums.append(told)
    least = min(sums, default=0.0)
    return len(sums) - 1 - sums.index(least) if least <= -BACK * _BOUND * (1 - 1e-9) else None


def _weights(shift: Shift, points: Sequence[Point]) -> list[float]:
    """Log likelihood ratios of the new level to the old one; none is surer than the bound."""
    gap = shift.after - shift.before
    spread = max(shift.spread, LEAST_SPREAD * abs(gap))
    middle, found = (shift.before + shift.after) / 2, list[float]()
    for point in points:
        weight = gap / spread * ((point.value - middle) / spread) if spread > 0 and math.isfinite(point.value) else 0.0
        found.append(0.0 if math.isnan(weight) else min(max(weight, -_BOUND), _BOUND))
    return found
