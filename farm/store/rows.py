"""What the state store tells the queue: small rows, without the documents."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from farm.report.document import RunStatus, Target

LEASE = "SELECT l.token, l.run, r.job, l.serial, r.attempt, l.expires FROM leases l JOIN runs r ON r.id = l.run"
"""The columns of a Lease."""


@dataclass(frozen=True)
class Placement:
    """A run to be: one configuration, once, on this target; None: on any device that matches the job's selector."""

    target: Target | None
    variant: int = 0
    repetition: int = 0
    fingerprint: str = ""
    """Runs of one fingerprint do the same work; empty: this one is never shared."""


@dataclass(frozen=True)
class Placed:
    """Which of its job's configurations a run is, and what it lived through."""

    variant: int
    name: str
    repetition: int
    deaths: int
    """Daemons that died while it ran: those attempts are nobody's failures."""


@dataclass(frozen=True, slots=True)
class QueuedRun:
    """A run that waits for its device. Times are Unix seconds."""

    id: int
    job: int
    serial: str
    """Empty: any device that matches `selector`."""
    user: str = ""
    priority: int = 0
    """Of its job, or of a job that shares it, whichever is higher."""
    submitted: float = 0.0
    not_before: float = 0.0
    deadline: float | None = None
    blocked: bool = False
    """It waits for another job."""
    selector: str = ""
    avoid: frozenset[str] = frozenset()
    """Where an attempt has failed; taken again only when nothing else matches."""
    taken: frozenset[str] = frozenset()
    """Where other runs of its job do the same; never taken."""


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
    variant: str = ""
