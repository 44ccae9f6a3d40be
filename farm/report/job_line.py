"""A job as a list shows it."""

from __future__ import annotations

from farm.report.base import Part


class JobLine(Part):
    """A job, and how many of its runs came to what."""

    job: int
    status: str
    kind: str
    model: str
    user: str
    created: str
    """UTC, ISO 8601."""
    night: int | None = None
    runs: int = 0
    over: int = 0
    """Runs that will not change any more."""
    passed: int = 0
    failed: int = 0
    """Runs with a failing verdict."""
    undecided: int = 0
    without: int = 0
    """Runs that ended without a result."""
