"""Jobs and runs as pages read them: one run of many, a stretch of a long list, how many stand where."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from farm.report.listing import Listed, Tally
from farm.store.archive import wholes
from farm.store.documents import job_document, slim
from farm.submission import Terms

if TYPE_CHECKING:
    from collections.abc import Sequence

    from farm.report.document import Job, Run
    from farm.store.database import Database
    from farm.store.state import State

RECENT = 1000
"""Jobs that are looked through for a model's."""
_HEAD = "SELECT id, status, summary, report FROM jobs WHERE id = ?"
_HEADS = "SELECT id, status, summary, report FROM jobs WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id"
_DONE = "SELECT * FROM runs WHERE job IN (SELECT value FROM json_each(?)) AND status = 'done' ORDER BY id LIMIT ?"
_COUNT = "SELECT count(*) FROM runs WHERE job IN (SELECT value FROM json_each(?)) AND status = 'done'"
_RUNS = """
SELECT id, target, status, attempt, verdict, error, configuration, repetition, same_as,
  document ->> '$.latency_ms.median' AS median_ms, document ->> '$.memory_mb' AS memory_mb,
  document ->> '$.accuracy.top1' AS top1
FROM runs WHERE job = ?1 AND id > ?2 AND (?3 = '' OR status = ?3)
  AND (?4 = '' OR (status = 'done' AND verdict ->> '$.kind' = ?4)) ORDER BY id LIMIT ?5"""


def head(database: Database, job: int) -> Job | None:
    """A job without its runs; None when there is no such job."""
    found = database.read(_HEAD, job)
    return job_document(found[0], ()) if found else None


def one(state: State, job: int, run: int) -> Job | None:
    """A job with all figures of one of its runs, and no other run; None when there is no such run."""
    with state.reading() as db:
        db.execute("BEGIN")
        row = db.execute(_HEAD, (job,)).fetchone()
        found = db.execute("SELECT * FROM runs WHERE id = ? AND job = ?", (run, job)).fetchall()
        db.execute("COMMIT")
        return job_document(row, wholes(db, found, state.archives)) if row is not None and found else None


def terms(database: Database, job: int) -> Terms:
    """The terms under which a job, which must be there, was submitted; its frames are not read."""
    found = database.read("SELECT submission -> '$.terms' AS terms FROM jobs WHERE id = ?", job)
    return Terms.model_validate_json(found[0]["terms"] or "{}")


def model_of(database: Database, job: int, configuration: str) -> tuple[str, str]:
    """Name and sha256 of the model that a configuration of a job, which must be there, runs; its frames are not read."""
    row = database.read(
        "SELECT submission ->> '$.model_name' AS name, submission ->> '$.model_sha256' AS sha256,"
        " submission -> '$.variants' AS variants FROM jobs WHERE id = ?",
        job,
    )[0]
    variants = (v for v in json.loads(row["variants"] or "[]") if v["name"] == configuration and v.get("model_sha256"))
    found = next(variants, None)
    return (
        (row["name"], row["sha256"]) if found is None else (found["model_name"] or row["name"], found["model_sha256"])
    )


def tally(database: Database, job: int) -> Tally:
    """How many of a job's runs stand where."""
    rows = database.read(
        "SELECT status, CASE WHEN status = 'done' THEN coalesce(verdict ->> '$.kind', '') ELSE '' END AS kind, count(*) AS n"
        " FROM runs WHERE job = ? GROUP BY 1, 2",
        job,
    )
    status: dict[str, int] = {}
    verdict: dict[str, int] = {}
    for row in rows:
        status[row["status"]] = status.get(row["status"], 0) + row["n"]
        if row["kind"]:
            verdict[row["kind"]] = verdict.get(row["kind"], 0) + row["n"]
    return Tally(status=status, verdict=verdict)


def runs(
    database: Database, job: int, *, status: str = "", verdict: str = "", after: int = 0, limit: int = 100
) -> list[Listed]:
    """Up to `limit` of a job's runs in the order of their numbers, from the first beyond `after`."""
    found = database.read(_RUNS, job, after, status, verdict, limit)
    return [
        Listed(run=slim(row), median_ms=row["median_ms"], memory_mb=row["memory_mb"], top1=row["top1"]) for row in found
    ]


def done(state: State, jobs: Sequence[int], limit: int) -> tuple[list[Job], int]:
    """These jobs with those of their runs that are done, `limit` runs at most; and how many more there are."""
    asked = json.dumps(list(jobs))
    with state.reading() as db:
        db.execute("BEGIN")
        heads = db.execute(_HEADS, (asked,)).fetchall()
        rows = db.execute(_DONE, (asked, limit)).fetchall()
        count = db.execute(_COUNT, (asked,)).fetchone()[0]
        db.execute("COMMIT")
        found = wholes(db, rows, state.archives)
    by_job: dict[int, list[Run]] = {}
    for row, run in zip(rows, found, strict=True):
        by_job.setdefault(row["job"], []).append(run)
    return [job_document(row, tuple(by_job.get(row["id"], ()))) for row in heads], count - len(rows)


def of_model(database: Database, model: str, limit: int) -> tuple[int, ...]:
    """The newest `limit` jobs of the newest model of this name, among the newest RECENT jobs."""
    rows = database.read(
        "SELECT id, sha256 FROM (SELECT id, summary ->> '$.model' AS model, summary ->> '$.model_sha256' AS sha256"
        " FROM jobs WHERE kind <> 'sentinel' ORDER BY id DESC LIMIT ?) WHERE model = ? ORDER BY id DESC",
        RECENT,
        model,
    )
    return tuple(row["id"] for row in rows if row["sha256"] == rows[0]["sha256"])[:limit]
