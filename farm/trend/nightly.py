"""A run of a night without its figures: what two nights are compared by."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from farm.report.document import RunStatus, VerdictKind


class NightlyRun(NamedTuple):
    """One run of a nightly job. No document, and a bare tuple: a night may have many thousands, and a page reads two nights."""

    run: int
    job: int
    model: str
    serial: str
    """Empty: it waits for any device that matches."""
    configuration: str
    status: RunStatus
    verdict: VerdictKind | None = None
    """None: it is not done, or nothing was compared."""
    cause: str = ""
    """Of the verdict: see document.Verdict."""
    summary: str = ""
    """Of the verdict."""
    error: str = ""
    """Why there is no result."""
    remedy: str = ""

    @property
    def cell(self) -> tuple[str, str, str]:
        """What is compared from night to night: model, serial, configuration."""
        return self.model, self.serial, self.configuration
