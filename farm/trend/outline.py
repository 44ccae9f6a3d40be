"""A series as a list shows it: how many points it has over a time, their median and the last one, not the others."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

from farm.report.base import Part
from farm.trend.regression import Regression
from farm.trend.series import Point, Series

if TYPE_CHECKING:
    from farm.trend.line import Line


class Outline(Part):
    """One series over the time that was asked for."""

    series: Series
    """Without its points."""
    points: int
    median: float | None
    """In the series' unit; None without points, as `last`."""
    last: Point | None
    regressions: tuple[Regression, ...] = ()
    """Every one that was found in it, the oldest first."""

    @property
    def virtual(self) -> bool:
        """Whether its newest figure is of a virtual phone."""
        return self.last is not None and self.last.circumstances.get("kind") == "virtual"


def outline(line: Line) -> Outline:
    """Of a series whose points are at hand."""
    points = line.series.points
    return Outline(
        series=line.series.model_copy(update={"points": ()}),
        points=len(points),
        median=median(p.value for p in points) if points else None,
        last=points[-1] if points else None,
        regressions=line.regressions,
    )
