"""Outlines of many series: a page lists hundreds and draws a few, so of the others only bare figures are read."""

from __future__ import annotations

from collections import defaultdict
from statistics import median
from typing import TYPE_CHECKING

from farm.store import regressions, series
from farm.trend.outline import Outline

if TYPE_CHECKING:
    from collections.abc import Sequence

    from farm.store.database import Database
    from farm.trend.regression import Regression
    from farm.trend.series import Series

_VALUES = "SELECT value FROM points WHERE series = ? AND at >= ? ORDER BY at DESC, run DESC LIMIT ?"


def outlines(database: Database, found: Sequence[Series], *, since: float = 0.0, limit: int) -> list[Outline]:
    """Each series over its newest `limit` points since a moment (Unix seconds)."""
    numbers = [one.id for one in found]
    with database.reading() as db:
        db.execute("BEGIN")
        values = {number: [row[0] for row in db.execute(_VALUES, (number, since, limit))] for number in numbers}
    newest = series.latest(database, [number for number in numbers if values[number]])
    known: dict[int, list[Regression]] = defaultdict(list)
    for one in regressions.of_series(database, numbers):
        known[one.series].append(one)
    return [
        Outline(
            series=one,
            points=len(values[one.id]),
            median=median(values[one.id]) if values[one.id] else None,
            last=newest.get(one.id),
            regressions=tuple(known[one.id]),
        )
        for one in found
    ]
