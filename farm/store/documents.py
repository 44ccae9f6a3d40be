"""Rows of the state file as the documents they stand for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from farm.report.document import Failure, Job, Run, Target, Verdict

if TYPE_CHECKING:
    from farm.store import sqlite


def job_document(row: sqlite.Row, runs: tuple[Run, ...]) -> Job:
    """A row of jobs with its runs."""
    return Job.model_validate_json(row["summary"]).model_copy(
        update={"job": row["id"], "status": row["status"], "report": row["report"], "runs": runs}
    )


def whole(row: sqlite.Row) -> Run:
    """A row of runs, with its figures once it is over."""
    short = slim(row)
    if not row["document"] or row["status"] not in ("done", "failed", "canceled"):
        return short
    # A run that failed while it waited again has its last attempt's document, and a newer status and error.
    newer = {name: getattr(short, name) for name in ("target", "status", "attempt", "error")}
    return Run.model_validate_json(row["document"]).model_copy(update=newer)


def slim(row: sqlite.Row) -> Run:
    """A row of runs without figures: target, status, verdict, error."""
    return Run(
        id=row["id"],
        target=Target.model_validate_json(row["target"]) if row["target"] else None,
        variant=row["configuration"],
        repetition=row["repetition"],
        same_as=row["same_as"],
        status=row["status"],
        attempt=row["attempt"],
        verdict=Verdict.model_validate_json(row["verdict"]) if row["verdict"] else None,
        error=Failure.model_validate_json(row["error"]) if row["error"] else None,
    )
