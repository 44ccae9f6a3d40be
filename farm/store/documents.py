"""Rows of the state file as the documents they stand for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import TypeAdapter

from farm.report.document import EvidenceLink, Failure, Job, Run, Target, Verdict

_EVIDENCE = TypeAdapter(tuple[EvidenceLink, ...])
EVIDENCE_KEPT = 60
"""Files of one run, over all its attempts: about ten of them."""

if TYPE_CHECKING:
    from farm.store import sqlite
    from farm.store.artifacts import ArtifactStore


def job_document(row: sqlite.Row, runs: tuple[Run, ...]) -> Job:
    """A row of jobs with its runs."""
    return Job.model_validate_json(row["summary"]).model_copy(
        update={"job": row["id"], "status": row["status"], "report": row["report"], "runs": runs}
    )


def whole(row: sqlite.Row, archived: str | None = None) -> Run:
    """A row of runs, with its figures once it is over; `archived` is its document where the row has a short one (archive.py)."""
    short, document = slim(row), archived or row["document"]
    if not document:
        return short
    if row["status"] not in ("done", "failed", "canceled"):  # it is tried again; why the last attempt failed is known
        return short.model_copy(update={"evidence": Run.model_validate_json(document).evidence})
    # A run that failed while it waited again has its last attempt's document, and a newer status and error.
    newer = {name: getattr(short, name) for name in ("target", "status", "attempt", "error")}
    return Run.model_validate_json(document).model_copy(update=newer)


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


def with_earlier(db: sqlite.Connection, run: Run) -> Run:
    """A run with the evidence of its earlier attempts, which its row still holds."""
    row = db.execute("SELECT document -> '$.evidence' FROM runs WHERE id = ?", (run.id,)).fetchone()
    earlier = _EVIDENCE.validate_json(row[0]) if row is not None and row[0] else ()
    both = tuple(dict.fromkeys((*earlier, *run.evidence)))
    return run if both == run.evidence else run.model_copy(update={"evidence": both[-EVIDENCE_KEPT:]})


def with_removed(job: Job, artifacts: ArtifactStore) -> Job:
    """A job whose captures and evidence say where they are now, and which of them retention removed."""

    def now(sha256: str) -> dict[str, object]:
        return {"path": str(artifacts.path(sha256)), "removed": not artifacts.has(sha256)}

    runs = []
    for run in job.runs:
        changes: dict[str, object] = {}
        if run.captures:
            changes["captures"] = tuple(c.model_copy(update=now(c.sha256)) for c in run.captures)
        if run.samples is not None:
            changes["samples"] = run.samples.model_copy(update=now(run.samples.sha256))
        if run.evidence:
            gone = ((e, not artifacts.has(e.sha256)) for e in run.evidence)
            changes["evidence"] = tuple(e.model_copy(update={"removed": removed}) for e, removed in gone)
        runs.append(run.model_copy(update=changes) if changes else run)
    return job.model_copy(update={"runs": tuple(runs)})
