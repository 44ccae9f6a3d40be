"""Model assertions over sequences of frames (Kang et al. 2020): where they fire, and how badly."""

from __future__ import annotations

from farm.report.base import Part


class FiredFrame(Part):
    """A frame at which one fires."""

    frame: int
    name: str
    severity: float
    """Over 0; 0 is silence."""


class Fired(Part):
    """One model assertion over all windows."""

    name: str
    windows: int
    """Looked at."""
    frames: tuple[FiredFrame, ...]
    """Worst first."""
    count: int
    """Of all that fired, also those not listed."""

    @property
    def worst(self) -> float:
        """Severity of the worst; 0 when silent."""
        return self.frames[0].severity if self.frames else 0.0
