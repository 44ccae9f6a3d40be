"""A night of all series: which of them shifted, and what it makes of the regressions there are. A function of points."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from farm.report.base import Part
from farm.trend import follow
from farm.trend.judge import judge
from farm.trend.recheck import BACK, back, confirmed, evidence
from farm.trend.regression import Regression
from farm.trend.shift import Shift
from farm.trend.usual import usual

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from farm.sections.trend import Trend
    from farm.trend.recheck import Answer
    from farm.trend.series import Point, Series

FOLLOWED = ("suspect", *follow.TOLD)
"""What later nights decide."""
LONGEST = 28
"""Nights among which those are that are as before."""


class Judgement(Part):
    """What a night says."""

    series: int
    """That were looked at."""
    shifts: tuple[tuple[int, Shift], ...]
    """Series, and its shift that is none of those known."""
    moves: tuple[tuple[Regression, Regression], ...]
    """Regressions that later nights decide: as they stood, and where they stand now."""


def judged(
    series: Iterable[Series],
    known: Mapping[int, Sequence[Regression]],
    baselines: Mapping[int, float],
    settings: Trend,
    *,
    ended: float,
    now: float,
) -> Judgement:
    """Of the night that ended then, Unix seconds. `series` have their points until then; each is taken and let go again.

    `known` and `baselines` are by the number of a series.
    """
    count, moves = 0, list[tuple[Regression, Regression]]()

    def levels() -> Iterator[Series]:
        nonlocal count
        for one in series:
            count += 1
            found, baseline = known.get(one.id, ()), baselines.get(one.id, 0.0)
            for regression in found:
                if regression.status in FOLLOWED:
                    around = follow.around(regression, one.points, found, baseline)
                    after = _since(regression, one.points, around, now)
                    moves.extend([(regression, after)] if after is not None else [])
            yield one.model_copy(update={"points": follow.of_level(one.points, found, baseline)})

    suspicions = judge(levels(), settings, now=ended)
    shifts = [(one.series, one.shift) for one in suspicions if follow.is_new(one.shift, known.get(one.series, ()))]
    return Judgement(series=count, shifts=tuple(shifts), moves=tuple(moves))


def answer(one: Regression, around: Sequence[Point], again: Sequence[Point]) -> Answer:
    """What points that were taken `again` say of a regression; `around`: see farm.trend.follow."""
    return confirmed(*usual(one, around, again))


def _since(one: Regression, points: Sequence[Point], around: Sequence[Point], now: float) -> Regression | None:
    """What the nights after it was found make of it: of a suspect all of them, of what was told the newest."""
    later = [p for p in points if p.at > one.found and math.isfinite(p.value)]
    if not later:
        return None
    if one.status not in follow.TOLD:
        return follow.after_night(one, answer(one, around, later), now)
    if (
        evidence(*usual(one, around, later[-BACK:])) >= 0
    ):  # as most nights have it, and looked at in a tenth of the time
        return None
    newest = later[-LONGEST:]
    first = back(*usual(one, around, newest))
    return None if first is None else follow.after_night(one, "refuted", now, back=newest[first].at)
