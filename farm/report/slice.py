"""Who fares worse, in words."""

from __future__ import annotations

from farm.report.base import Part


class Slice(Part):
    """Frames, or runs, that have something in common and fare worse than the rest."""

    words: str
    """`label = dog and width <= 640`."""
    support: int
    error: float
    """Mean over them, 0 to 1."""
    overall: float
    """Mean over all."""
    p_value: float
    """That chance makes any slice looked at as bad, by permutation."""
