"""What frames tell of a regression: its runs beside one of the level before, test by test."""

from __future__ import annotations

from typing import Literal

from farm.report.base import Part

What = Literal["baseline", "newest run", "second look"]


class Paired(Part):
    """A figure of each frame, new against old over the same n frames."""

    figure: str
    """`time of an invocation`, `top-1`, `IoU`, `error of the worst layer`, ..."""
    unit: str = ""
    test: Literal["McNemar", "permutation", "Wilcoxon"]
    n: int
    before: float
    """Mean of scores; median of times."""
    after: float
    change: float
    """Mean of the differences of scores; of times the median of the frames' ratios, less 1."""
    relative: bool
    """Whether `change` is a share of `before`."""
    low: float
    """Of the 95 % bootstrap interval of `change`, as `high`."""
    high: float
    p_value: float
    """Two-sided."""

    def told(self, change: float) -> str:
        """A change in words: `+5.2 %`, or `-0.013` of a score."""
        return f"{100 * change:+.1f} %" if self.relative else f"{change:+.3g}"


class Taken(Part):
    """One of the runs."""

    job: int
    run: int
    what: What


class Beside(Part):
    """A run of the new level beside the baseline's."""

    taken: Taken
    paired: tuple[Paired, ...] = ()
    missing: tuple[str, ...] = ()
    """What is not compared, and why, in a sentence each."""


class Compared(Part):
    """All of a regression's. Without `baseline`, or with nothing beside it, `missing` says why."""

    regression: int
    baseline: Taken | None = None
    beside: tuple[Beside, ...] = ()
    missing: tuple[str, ...] = ()
