"""A lasting change of a series: from when, by how much, how sure, and what else changed with it."""

from __future__ import annotations

from farm.report.base import Part


class Differing(Part):
    """A circumstance that was not the same before and after: told before the figure is blamed on the model."""

    name: str
    """`runtime`, `firmware`, `model`, `temperature`, `sentinel`, ..."""
    before: str
    after: str


class Shift(Part):
    """Two levels of a series."""

    begins: float
    """Unix seconds of the first point of the new level."""
    run: int
    """Of that point."""
    before: float
    """Median of the old level, in the series' unit."""
    after: float
    nights_before: int
    nights_after: int
    change: float
    """after / before - 1, or after - before where `relative` is False (shares, such as accuracy)."""
    relative: bool = True
    worse: bool
    """Whether it goes where nobody wants it."""
    spread: float = 0.0
    """Robust standard deviation of single nights about their level, in the series' unit."""
    p_value: float
    differing: tuple[Differing, ...] = ()
