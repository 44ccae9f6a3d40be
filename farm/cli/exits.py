"""The exit status that scripts read: 0 pass, 1 failing verdict, 2 the user's error, 3 infrastructure, 4 undecided, 5 our bug."""

from __future__ import annotations

from typing import TYPE_CHECKING

from farm.errors import BugError, InfrastructureError, JobError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from farm.gate.answer import GateAnswer
    from farm.report.document import Job, Run

PASS, FAIL, UNDECIDED, INTERRUPTED = 0, 1, 4, 130
_VERDICTS = {"pass": PASS, "fail": FAIL, "undecided": UNDECIDED}
_ERRORS = {c.kind: c.exit_status for c in (JobError, InfrastructureError, BugError)}
_WORST_FIRST = (BugError.exit_status, JobError.exit_status, FAIL, InfrastructureError.exit_status, UNDECIDED, PASS)


def of_run(run: Run) -> int:
    """One run's status."""
    if run.verdict is not None:
        return _VERDICTS[run.verdict.kind]
    if run.error is not None:
        return _ERRORS.get(run.error.kind, BugError.exit_status)
    return InfrastructureError.exit_status  # canceled, or not over


def of_job(job: Job) -> int:
    """The most telling of its runs': a bug or a user's error, then a failing verdict, then what gave no verdict."""
    found = {of_run(run) for run in job.runs}
    return next((status for status in _WORST_FIRST if status in found), InfrastructureError.exit_status)


def of_gates(answers: Iterable[GateAnswer]) -> int:
    """What all of them together say: a fail, then undecided, then pass."""
    found = {_VERDICTS[answer.outcome] for answer in answers}
    return next((status for status in _WORST_FIRST if status in found), UNDECIDED)


def of_gated_job(job: Job, answers: Iterable[GateAnswer]) -> int:
    """The gates' status; but what kept runs from a result, a bug, an error or the lab, is told as ever."""
    broken = {of_run(run) for run in job.runs if run.verdict is None}
    found = broken | {of_gates(answers)}
    return next(status for status in _WORST_FIRST if status in found)
