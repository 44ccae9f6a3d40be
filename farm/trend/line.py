"""A series as people see it: its points, where it shifted, what changed and what was written beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from farm.report.base import Part
from farm.trend.annotation import Annotation, Change, changes
from farm.trend.regression import Regression
from farm.trend.series import Series
from farm.trend.shift import Shift

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

SAME_S = 7 * 86400.0
"""Between the begin of a regression and that of a step that is the same: it moves by some nights as more of them come."""


class Line(Part):
    """One series, over the time that was asked for."""

    series: Series
    regressions: tuple[Regression, ...] = ()
    """Every one that was found in it, the oldest first."""
    steps: tuple[Shift, ...] = ()
    """Where its level changed, as these points say afterwards (farm.trend.step), the oldest first; where they were asked for."""
    changes: tuple[Change, ...] = ()
    annotations: tuple[Annotation, ...] = ()
    baseline: float | None = None
    """Unix seconds from which on it is judged; None: from its first point."""

    @property
    def virtual(self) -> bool:
        """Whether its newest figure is of a virtual phone."""
        points = self.series.points
        return bool(points) and points[-1].circumstances.get("kind") == "virtual"

    def told(self, step: Shift) -> Regression | None:
        """The regression that is this step: the nearest one that goes the same way and was not refuted; None: it was not told."""
        same = (
            one
            for one in self.regressions
            if one.status != "refuted"
            and (one.shift.change > 0) == (step.change > 0)
            and abs(one.shift.begins - step.begins) <= SAME_S
        )
        return min(same, key=lambda one: abs(one.shift.begins - step.begins), default=None)

    def since(self, at: float) -> Line:
        """From this moment on, Unix seconds. Its regressions stay all."""
        points = tuple(p for p in self.series.points if p.at >= at)
        return self.model_copy(
            update={
                "series": self.series.model_copy(update={"points": points}),
                "steps": tuple(s for s in self.steps if s.begins >= at),
                "changes": tuple(c for c in self.changes if c.at >= at),
                "annotations": tuple(a for a in self.annotations if a.at >= at),
            }
        )


def line(
    series: Series, regressions: Sequence[Regression], annotations: Iterable[Annotation], baseline: float | None,
    steps: Sequence[Shift] = (),
) -> Line:  # fmt: skip
    """All of one series; `annotations` may be of others too."""
    key = series.key
    mine = (a for a in annotations if a.model in {"", key.model} and a.serial in {"", key.serial})
    return Line(
        series=series,
        regressions=tuple(regressions),
        steps=tuple(steps),
        changes=changes(series.points),
        annotations=tuple(mine),
        baseline=baseline,
    )
