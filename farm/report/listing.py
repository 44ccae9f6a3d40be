"""The runs of a job as a list shows them: many, with a few figures each."""

from __future__ import annotations

from pydantic import Field

from farm.report.base import Part
from farm.report.document import Run


class Listed(Part):
    """One run of a list."""

    run: Run
    """Target, status, verdict and error; no other figure."""
    median_ms: float | None = None
    memory_mb: float | None = None
    top1: float | None = None


class Tally(Part):
    """How many runs of a job stand where."""

    status: dict[str, int] = Field(default={})
    verdict: dict[str, int] = Field(default={})
    """Of those that are done."""

    @property
    def runs(self) -> int:
        """All of them."""
        return sum(self.status.values())

    @property
    def over(self) -> int:
        """Those that will not change any more."""
        return sum(count for word, count in self.status.items() if word not in ("queued", "running"))
