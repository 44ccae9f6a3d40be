"""What the state store tells the queue: small rows, without the documents."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from farm.report.document import RunStatus

LEASE = "SELECT l.token, l.run, r.job, l.serial, r.attempt, l.expires FROM leases l JOIN runs r ON r.id = l.run"
"""The columns of a Lease."""


@dataclass(frozen=True)
class QueuedRun:
    """A run that waits for its device."""

    id: int
    job: int
    serial: str


@dataclass(frozen=True)
class Lease:
    """A device held for a run. `token` grows with every lease ever given; `expires` is on CLOCK_MONOTONIC, seconds."""

    token: int
    run: int
    job: int
    serial: str
    attempt: int
    expires: float


@dataclass(frozen=True)
class RunRow:
    """Where a run stands."""

    id: int
    job: int
    serial: str
    status: RunStatus
    attempt: int
    message: str
    """Why the last attempt gave no result; empty when none failed."""
