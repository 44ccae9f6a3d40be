"""What the end of an attempt means: pure functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection
    from typing import Literal

    from farm.report.document import Failure, RunStatus

    Over = Literal["done", "failed", "canceled"]


def conclude(error: Failure | None, attempt: int, attempts: int, *, canceled: bool) -> RunStatus:
    """The run's next status. Only the lab's errors are worth another attempt: the user's and ours would come again."""
    if error is None:
        return "done"
    if canceled:
        return "canceled"
    return "queued" if error.kind == "infrastructure" and attempt < attempts else "failed"


def back_off(attempt: int, retry_s: float) -> float:
    """Seconds before a run is tried again after so many attempts: doubled each time, an hour at most."""
    return min(3600.0, retry_s * 2.0 ** min(attempt - 1, 30))


def conclude_job(runs: Collection[RunStatus]) -> Over:
    """The status of a job whose runs are all over."""
    if "canceled" in runs:
        return "canceled"
    return "failed" if "failed" in runs else "done"
