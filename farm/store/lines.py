"""Series with all that stands beside them, read from the state file."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from farm.store import annotations as notes
from farm.store import regressions, series
from farm.trend.frontier import Frontier, frontier, wanted
from farm.trend.line import Line, line
from farm.trend.step import steps

if TYPE_CHECKING:
    from collections.abc import Sequence

    from farm.sections.trend import Trend
    from farm.store.database import Database
    from farm.trend.regression import Regression
    from farm.trend.series import Series

ANNOTATIONS = 500
SERIES = 5000
"""That a frontier is made of, of each metric."""


def lines(
    database: Database,
    found: Sequence[Series],
    *,
    since: float = 0.0,
    until: float | None = None,
    limit: int = 400,
    stepped: Trend | None = None,
) -> list[Line]:
    """Each series with the newest `limit` points between two moments (Unix seconds).

    `stepped`: with the steps of those points, as these settings count them.
    """
    whole = series.with_points(database, found, since=since, until=until, limit=limit)
    beginning = min((s.points[0].at for s in whole if s.points), default=since)
    written = notes.find(database, since=max(since, beginning), until=until, limit=ANNOTATIONS)
    baselines = regressions.baselines(database)
    known: dict[int, list[Regression]] = defaultdict(list)
    for one in regressions.of_series(database, [s.id for s in whole]):
        known[one.series].append(one)
    return [
        line(s, known[s.id], written, baselines.get(s.id), steps(s, stepped) if stepped is not None else ())
        for s in whole
    ]


def newest_frontier(
    database: Database,
    models: Sequence[str],
    *,
    serial: str | None = None,
    accuracy: str = "",
    budget_ms: float | None = None,
) -> Frontier:
    """Of the newest figures of these models (none: of all) on one device or on each."""
    found = [
        one
        for metric in wanted(accuracy)
        for one in series.find(database, models=models, serial=serial, metric=metric, limit=SERIES)
    ]
    newest = series.latest(database, [one.id for one in found])
    with_newest = [one.model_copy(update={"points": (newest[one.id],)}) for one in found if one.id in newest]
    return frontier(with_newest, accuracy=accuracy, budget_ms=budget_ms)
