"""The contract between whoever schedules runs and whoever performs them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from farm.report.document import Run

if TYPE_CHECKING:
    from farm.errors import FarmError
    from farm.fleet.device import Device
    from farm.submission import Submission


@dataclass(frozen=True)
class Work:
    """One attempt at a run, on a leased device. `token` is the lease's fencing token."""

    run_id: int
    attempt: int
    token: int
    submission: Submission
    """Of this run's configuration; a pair has both variants."""
    device: Device
    others: tuple[str, ...] = ()
    """sha256 of `layers` captures of the job's runs that ended before: other devices, other kernels."""


class Progress(Protocol):
    """Told what a run is doing; must return at once."""

    def __call__(self, stage: str, done: int, of: int, /) -> None:
        """`done` of `of` units of `stage`; `of` is 0 where the amount is unknown."""


class BrokenOffError(Exception):
    """A run ended without a result: why, and what was recorded until then (captures, conditions)."""

    def __init__(self, cause: FarmError, partial: Run) -> None:
        super().__init__(str(cause))
        self.cause = cause
        self.partial = partial


Perform = Callable[[Work, Progress, Callable[[], None]], Run]
"""Carries out a Work and returns its Run. The third argument is called between steps and during passes, and raises FarmError
when the lease was lost or the job canceled.

Raises:
    BrokenOffError: the run failed; its `cause` says whose fault it was.
"""
