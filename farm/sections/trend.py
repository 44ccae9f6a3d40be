"""Regressions: how often a false one may be suspected, and how small a shift is told (docs/regressions.md)."""

from __future__ import annotations

from pydantic import Field

from farm.sections.base import Section


class Trend(Section):
    """When a series counts as shifted."""

    false_alarms_a_year: float = Field(default=12.0, gt=0, le=36.5)
    """False suspicions that 365 nights may bring where nothing shifts, of all series together, however many there are.

    Each is run again before anyone is told, and the second look is wrong at most once in 20 times."""
    floor: float = Field(default=0.01, ge=0, lt=1)
    """A smaller change, as a share of the old level, is not told."""
    floor_share: float = Field(default=0.005, ge=0, lt=1)
    """The same of shares (accuracy, agreement), as a difference."""
    nights_before: int = Field(default=14, ge=7, le=180)
    """Of a level before a series is judged."""
    nights_after: int = Field(default=3, ge=2, le=30)
    """Of the new level before it is told: a single bad night is none."""

    @property
    def rate(self) -> float:
        """False suspicions a night, of all series together."""
        return self.false_alarms_a_year / 365.0
