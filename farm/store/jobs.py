"""Jobs in the state file: what was submitted, and what became of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from farm.report.document import Failure, Job
from farm.store.database import Database, now, record
from farm.store.documents import job_document, slim, whole
from farm.store.rows import LEASE, Lease, RunRow
from farm.submission import Submission

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Literal

    from farm.report.document import JobStatus, Run, Target

    Over = Literal["done", "failed", "canceled"]


class Jobs(Database):
    """Methods on jobs."""

    def add_job(self, submission: Submission, targets: Sequence[Target], *, key: str | None = None) -> int:
        """Store a job with a queued run for each of `targets`; its id. A `key` seen before gives the job stored then."""
        recipe = submission.recipe
        created = now()
        summary = Job(
            job=0,
            status="queued",
            model=submission.model_name,
            model_sha256=submission.model_sha256,
            inputs=submission.inputs,
            frames=len(submission.frames),
            recipe=recipe.origin if recipe else "",
            selector=submission.selector,
            references=submission.references,
            created=created,
        )
        with self.write() as db:
            if key is not None and (known := db.execute("SELECT id FROM jobs WHERE key = ?", (key,)).fetchone()):
                return int(known["id"])
            job = db.execute(
                "INSERT INTO jobs (key, created, submission, summary) VALUES (?, ?, ?, ?)",
                (key, created, submission.model_dump_json(), summary.model_dump_json()),
            ).lastrowid
            assert job is not None  # noqa: S101  # an INSERT has one
            db.executemany(
                "INSERT INTO runs (job, serial, target) VALUES (?, ?, ?)",
                [(job, t.serial, t.model_dump_json()) for t in targets],
            )
            record(db, "submitted", job=job, detail=f"{len(targets)} runs")
        return job

    def job_of_key(self, key: str) -> int | None:
        """The job that was submitted under `key`."""
        rows = self.read("SELECT id FROM jobs WHERE key = ?", key)
        return int(rows[0]["id"]) if rows else None

    def job(self, job: int) -> Job | None:
        """The whole document of a job; None when there is no such job."""
        with self.reading() as db:
            # One transaction, so that the job's status and its runs are of the same moment.
            db.execute("BEGIN")
            row = db.execute("SELECT id, status, summary, report FROM jobs WHERE id = ?", (job,)).fetchone()
            runs = db.execute("SELECT * FROM runs WHERE job = ? ORDER BY id", (job,)).fetchall()
            db.execute("COMMIT")
        return job_document(row, tuple(whole(r) for r in runs)) if row else None

    def jobs(self, limit: int) -> list[Job]:
        """The newest jobs first, their runs without figures: target, status, verdict, error."""
        with self.reading() as db:
            db.execute("BEGIN")
            rows = db.execute(
                "SELECT id, status, summary, report FROM jobs ORDER BY id DESC LIMIT ?", (limit,)
            ).fetchall()
            runs = db.execute(
                "SELECT id, job, target, status, attempt, verdict, error FROM runs"
                " WHERE job IN (SELECT id FROM jobs ORDER BY id DESC LIMIT ?) ORDER BY id",
                (limit,),
            ).fetchall()
            db.execute("COMMIT")
        by_job: dict[int, list[Run]] = {}
        for run in runs:
            by_job.setdefault(run["job"], []).append(slim(run))
        return [job_document(row, tuple(by_job.get(row["id"], ()))) for row in rows]

    def status(self, job: int) -> JobStatus | None:
        """Where a job stands; None when there is no such job."""
        rows = self.read("SELECT status FROM jobs WHERE id = ?", job)
        status: JobStatus | None = rows[0]["status"] if rows else None
        return status

    def submission(self, job: int) -> Submission:
        """What was submitted as `job`, which must be there."""
        return Submission.model_validate_json(self.read("SELECT submission FROM jobs WHERE id = ?", job)[0][0])

    def rows(self, job: int) -> list[RunRow]:
        """Where the runs of a job stand."""
        found = self.read("SELECT id, job, serial, status, attempt, error FROM runs WHERE job = ? ORDER BY id", job)
        return [
            RunRow(
                r["id"],
                r["job"],
                r["serial"],
                r["status"],
                r["attempt"],
                Failure.model_validate_json(r["error"]).message if r["error"] else "",
            )
            for r in found
        ]

    def cancel(self, job: int) -> list[Lease]:
        """Cancel what is queued of a job; the leases of its runs that still run. Nothing happens to a job that is over."""
        with self.write() as db:
            if not db.execute(
                "UPDATE jobs SET canceled = 1 WHERE id = ? AND status IN ('queued', 'running') RETURNING id", (job,)
            ).fetchall():
                return []
            db.execute("UPDATE runs SET status = 'canceled' WHERE job = ? AND status = 'queued'", (job,))
            record(db, "canceled", job=job)
            return [Lease(*r) for r in db.execute(f"{LEASE} WHERE r.job = ?", (job,)).fetchall()]

    def ended(self) -> list[int]:
        """Jobs whose runs are all over but which are not closed yet."""
        rows = self.read(
            "SELECT id FROM jobs j WHERE status IN ('queued', 'running') AND NOT EXISTS"
            " (SELECT 1 FROM runs WHERE job = j.id AND status IN ('queued', 'running')) ORDER BY id"
        )
        return [int(r["id"]) for r in rows]

    def close_job(self, job: int, status: Over, report: str) -> None:
        """The end of a job whose runs are all over: its status, and where its report is."""
        with self.write() as db:
            db.execute("UPDATE jobs SET status = ?, report = ? WHERE id = ?", (status, report, job))
            record(db, "closed", job=job, detail=status)

    def is_canceled(self, job: int) -> bool:
        """Whether somebody asked for the end of the job."""
        return bool(self.read("SELECT canceled FROM jobs WHERE id = ?", job)[0][0])
