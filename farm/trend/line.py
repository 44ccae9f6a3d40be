"""A series as people see it: its points, where it shifted, what changed and what was written beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from farm.report.base import Part
from farm.trend.annotation import Annotation, Change, changes
from farm.trend.regression import Regression
from farm.trend.series import Series

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


class Line(Part):
    """One series, over the time that was asked for."""

    series: Series
    regressions: tuple[Regression, ...] = ()
    """Every one that was found in it, the oldest first."""
    changes: tuple[Change, ...] = ()
    annotations: tuple[Annotation, ...] = ()
    baseline: float | None = None
    """Unix seconds from which on it is judged; None: from its first point."""

    @property
    def virtual(self) -> bool:
        """Whether its newest figure is of a virtual phone."""
        points = self.series.points
        return bool(points) and points[-1].circumstances.get("kind") == "virtual"


def line(
    series: Series, regressions: Sequence[Regression], annotations: Iterable[Annotation], baseline: float | None
) -> Line:
    """All of one series; `annotations` may be of others too."""
    key = series.key
    mine = (a for a in annotations if a.model in {"", key.model} and a.serial in {"", key.serial})
    return Line(
        series=series,
        regressions=tuple(regressions),
        changes=changes(series.points),
        annotations=tuple(mine),
        baseline=baseline,
    )
