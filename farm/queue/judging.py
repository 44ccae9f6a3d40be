"""What a night says of all series of schedules, read from the state file, which takes minutes for thousands of them."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from farm.report.base import Part
from farm.sections.trend import Trend
from farm.store import regressions, series
from farm.trend import night
from farm.trend.level import PERIOD

if TYPE_CHECKING:
    from farm.store.database import Reader
    from farm.trend.regression import Regression


class Asked(Part):
    """Which night, and as of when; both moments in Unix seconds."""

    file: str
    """Of the state."""
    ended: float
    now: float
    settings: Trend


def judged(database: Reader, asked: Asked) -> night.Judgement:
    """The judgement of a night. Nothing is written."""
    there = series.find(database, nightly=True, limit=-1)
    known: dict[int, list[Regression]] = defaultdict(list)
    for one in regressions.find(database, limit=-1):
        known[one.series].append(one)
    # One after the other: all points of a large lab at once would not fit.
    with_points = (
        s.model_copy(
            update={"points": series.points(database, s.id, since=asked.ended - 2 * PERIOD, until=asked.ended)}
        )
        for s in there
    )
    baselines = regressions.baselines(database)
    return night.judged(with_points, known, baselines, asked.settings, ended=asked.ended, now=asked.now)
