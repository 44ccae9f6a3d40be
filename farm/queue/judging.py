"""What a night says of all series of schedules: a function of what is stored, which takes minutes for thousands of them."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from farm.report.base import Part
from farm.sections.trend import Trend
from farm.store import regressions, series
from farm.trend import follow
from farm.trend.judge import judge
from farm.trend.level import PERIOD
from farm.trend.recheck import confirmed
from farm.trend.regression import Regression
from farm.trend.shift import Shift
from farm.trend.usual import usual

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from farm.store.database import Reader
    from farm.trend.recheck import Answer
    from farm.trend.series import Point, Series

FOLLOWED = ("suspect", *follow.TOLD)
"""What later nights decide."""
RECOVERED = 3
"""Nights that have to be as before."""


class Asked(Part):
    """Which night, and as of when; both moments in Unix seconds."""

    file: str
    """Of the state."""
    ended: float
    now: float
    settings: Trend


class Judgement(Part):
    """What is to be written."""

    series: int
    """That were looked at."""
    shifts: tuple[tuple[int, Shift], ...]
    """Series, and its shift that is none of those known."""
    moves: tuple[tuple[Regression, Regression], ...]
    """Regressions that later nights decide: as they stood, and where they stand now."""


def judged(database: Reader, asked: Asked) -> Judgement:
    """The judgement of a night. Nothing is written."""
    there = series.find(database, nightly=True, limit=-1)
    baselines = regressions.baselines(database)
    known: dict[int, list[Regression]] = defaultdict(list)
    for one in regressions.find(database, limit=-1):
        known[one.series].append(one)
    moves: list[tuple[Regression, Regression]] = []

    def levels() -> Iterator[Series]:
        """One after the other: all points of a large lab at once would not fit."""
        for s in there:
            points = series.points(database, s.id, since=asked.ended - 2 * PERIOD, until=asked.ended)
            baseline = baselines.get(s.id, 0.0)
            for one in known[s.id]:
                if one.status in FOLLOWED:
                    after = _since(one, points, follow.around(one, points, known[s.id], baseline), asked.now)
                    moves.extend([(one, after)] if after is not None else [])
            yield s.model_copy(update={"points": follow.of_level(points, known[s.id], baseline)})

    suspicions = judge(levels(), asked.settings, now=asked.ended)
    shifts = [(one.series, one.shift) for one in suspicions if follow.is_new(one.shift, known[one.series])]
    return Judgement(series=len(there), shifts=tuple(shifts), moves=tuple(moves))


def answer(one: Regression, around: Sequence[Point], again: Sequence[Point]) -> Answer:
    """What points that were taken `again` say of a regression; `around`: see farm.trend.follow."""
    return confirmed(*usual(one, around, again))


def _since(one: Regression, points: Sequence[Point], around: Sequence[Point], now: float) -> Regression | None:
    """What the nights after it was found make of it: all of them of a suspect, the last ones of what was told."""
    later = [p for p in points if p.at > one.found]
    if one.status in follow.TOLD:
        later = later[-RECOVERED:] if len(later) >= RECOVERED else []
    return follow.after_night(one, answer(one, around, later), now, back=later[0].at) if later else None
