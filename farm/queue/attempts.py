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


def conclude_job(runs: Collection[RunStatus]) -> Over:
    """The status of a job whose runs are all over."""
    if "canceled" in runs:
        return "canceled"
    return "failed" if "failed" in runs else "done"
