"""Outlines of many series: a page lists hundreds and draws a few, so of the others only bare figures are read."""

from __future__ import annotations

from collections import defaultdict
from itertools import chain
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np

from farm.store import regressions, series
from farm.trend.outline import Outline
from farm.trend.spread import NO_NIGHT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from farm.store.database import Database
    from farm.trend.regression import Regression
    from farm.trend.series import Series

    Array = np.ndarray[Any, Any]

_FIGURES = (
    f"SELECT coalesce(night, {NO_NIGHT}), at, value FROM points WHERE series = ? AND at >= ?"  # noqa: S608  # a number of ours
    " ORDER BY at DESC, run DESC LIMIT ?"
)


def figures(database: Database, found: Sequence[Series], *, since: float = 0.0, limit: int) -> dict[int, Array]:
    """Of each series, by number, its newest `limit` points since a moment (Unix seconds), as farm.trend.spread has them.

    f64 [n, 3], the newest first.
    """
    read = {}
    with database.reading() as db:
        db.execute("BEGIN")
        rows = db.cursor()
        rows.row_factory = None  # bare tuples, gone as soon as they are read: a page has a hundred thousand
        for one in found:
            told = rows.execute(_FIGURES, (one.id, since, limit))
            read[one.id] = np.fromiter(chain.from_iterable(told), float).reshape(-1, 3)
    return read


def outlines(database: Database, found: Sequence[Series], read: Mapping[int, Array]) -> list[Outline]:
    """Each series over the points that `figures` read of it."""
    newest = series.latest(database, [one.id for one in found if len(read[one.id])])
    known: dict[int, list[Regression]] = defaultdict(list)
    for one in regressions.of_series(database, [one.id for one in found]):
        known[one.series].append(one)
    return [
        Outline(
            series=one,
            points=len(read[one.id]),
            median=median(read[one.id][:, 2].tolist()) if len(read[one.id]) else None,
            last=newest.get(one.id),
            regressions=tuple(known[one.id]),
        )
        for one in found
    ]
