"""A run as its device's page lists it."""

from __future__ import annotations

from farm.report.base import Part


class DeviceRun(Part):
    """What became of it, in few words."""

    run: int
    job: int
    model: str
    """Of its job: several names where that runs several."""
    status: str
    verdict: str
    """`pass`, `fail` or `undecided`; empty: none."""
    cause: str
    error: str
    """Why it failed."""
