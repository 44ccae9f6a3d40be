"""Jobs in the state file: what was submitted, and what became of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from farm.errors import JobError
from farm.report.document import Failure, Job
from farm.store import inputs, nights
from farm.store.archive import wholes
from farm.store.artifacts import ArtifactStore
from farm.store.database import Database, now, record
from farm.store.documents import job_document, slim
from farm.store.rows import LEASE, Lease, RunRow
from farm.store.shared import promote

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Literal

    from farm.report.document import JobStatus, Run
    from farm.store import sqlite
    from farm.store.rows import Placement
    from farm.submission import Submission

    Over = Literal["done", "failed", "canceled"]


class Jobs(Database):
    """Methods on jobs."""

    @property
    def archives(self) -> ArtifactStore:
        """Where documents of old runs are."""
        return ArtifactStore(self.file.parent / "artifacts")

    def add_job(
        self,
        submission: Submission,
        placements: Sequence[Placement],
        *,
        key: str | None = None,
        user: str = "local",
        kind: str = "job",
        night: int | None = None,
    ) -> int:
        """Store a job with a queued run for each of `placements`; its id. A `key` seen before gives the job stored then.

        A run whose fingerprint another one has that waits or runs shares that one's result.

        Raises:
            JobError: a job it is to wait for is not there.
        """
        terms = submission.terms
        created = now()
        with self.write() as db:
            if key is not None and (known := db.execute("SELECT id FROM jobs WHERE key = ?", (key,)).fetchone()):
                return int(known["id"])
            stored, fed = inputs.split(db, submission)
            job = db.execute(
                "INSERT INTO jobs (key, created, submission, inputs, summary, user, kind, priority, not_before, deadline,"
                " night) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    *(key, created, stored, fed, _summary(submission, created, user)),
                    *(user, kind, terms.priority, terms.not_before, terms.deadline, night),
                ),
            ).lastrowid
            assert job is not None  # noqa: S101  # an INSERT has one
            for after in dict.fromkeys(terms.after):
                if not db.execute("SELECT 1 FROM jobs WHERE id = ? AND id <> ?", (after, job)).fetchone():
                    raise JobError(f"there is no job {after} to wait for", where="--after", remedy="see `farm jobs`")
                db.execute("INSERT INTO dependencies (job, after) VALUES (?, ?)", (job, after))
            names = [name for name, _ in submission.configurations()]
            for placement in placements:
                self._add_run(db, job, placement, names[placement.variant])
            record(db, "submitted", job=job, detail=f"{len(placements)} runs")
        return job

    @staticmethod
    def _add_run(db: sqlite.Connection, job: int, placement: Placement, configuration: str) -> None:
        target, leader = placement.target, None
        if placement.fingerprint:
            leader = db.execute(
                "SELECT id FROM runs WHERE fingerprint = ? AND same_as IS NULL AND status IN ('queued', 'running')"
                " AND NOT (SELECT canceled FROM jobs WHERE id = job) ORDER BY id LIMIT 1",
                (placement.fingerprint,),
            ).fetchone()
        db.execute(
            "INSERT INTO runs (job, serial, target, variant, repetition, configuration, fingerprint, floating, same_as)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(job, target.serial if target else "", target.model_dump_json() if target else ""),
                *(placement.variant, placement.repetition, configuration, placement.fingerprint),
                *(target is None, leader["id"] if leader else None),
            ),
        )

    def job_of_key(self, key: str) -> int | None:
        """The job that was submitted under `key`."""
        rows = self.read("SELECT id FROM jobs WHERE key = ?", key)
        return int(rows[0]["id"]) if rows else None

    def job_of_run(self, run: int) -> int | None:
        """The job that a run is of."""
        rows = self.read("SELECT job FROM runs WHERE id = ?", run)
        return int(rows[0]["job"]) if rows else None

    def job(self, job: int) -> Job | None:
        """The whole document of a job; None when there is no such job."""
        with self.reading() as db:
            # One transaction, so that the job's status and its runs are of the same moment.
            db.execute("BEGIN")
            row = db.execute("SELECT id, status, summary, report FROM jobs WHERE id = ?", (job,)).fetchone()
            runs = db.execute("SELECT * FROM runs WHERE job = ? ORDER BY id", (job,)).fetchall()
            db.execute("COMMIT")
            return job_document(row, wholes(db, runs, self.archives)) if row else None

    def jobs(self, limit: int, before: int = 2**63 - 1) -> list[Job]:
        """The newest jobs first, those numbered below `before`, their runs without figures: target, status, verdict, error."""
        with self.reading() as db:
            db.execute("BEGIN")
            rows = db.execute(
                "SELECT id, status, summary, report FROM jobs WHERE id < ? ORDER BY id DESC LIMIT ?", (before, limit)
            ).fetchall()
            runs = db.execute(
                "SELECT id, job, target, status, attempt, verdict, error, configuration, repetition, same_as FROM runs"
                " WHERE job IN (SELECT id FROM jobs WHERE id < ? ORDER BY id DESC LIMIT ?) ORDER BY id",
                (before, limit),
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
        return inputs.whole(self, job)

    def captures(self, job: int, name: str, limit: int) -> tuple[str, ...]:
        """sha256 of the captures of a pass that the job's newest `limit` runs which are done have."""
        found = self.read(
            "SELECT json_extract(document, '$.captures') AS captures FROM runs WHERE job = ? AND status = 'done'"
            " AND document IS NOT NULL ORDER BY ended DESC LIMIT ?",
            job,
            limit,
        )
        captures = (c for row in found for c in json.loads(row["captures"] or "[]"))
        return tuple(c["sha256"] for c in captures if c["name"] == name and c["complete"] and not c.get("removed"))

    def rows(self, job: int) -> list[RunRow]:
        """Where the runs of a job stand."""
        found = self.read(
            "SELECT id, job, serial, status, attempt, error, configuration FROM runs WHERE job = ? ORDER BY id", job
        )
        return [
            RunRow(
                *(r["id"], r["job"], r["serial"], r["status"], r["attempt"]),
                Failure.model_validate_json(r["error"]).message if r["error"] else "",
                r["configuration"],
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
            for row in db.execute(
                "UPDATE runs SET status = 'canceled' WHERE job = ? AND status = 'queued' RETURNING id", (job,)
            ).fetchall():
                promote(db, row["id"])
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
            nights.settle(db, job)
            record(db, "closed", job=job, detail=status)

    def is_canceled(self, job: int) -> bool:
        """Whether somebody asked for the end of the job."""
        return bool(self.read("SELECT canceled FROM jobs WHERE id = ?", job)[0][0])

    def user(self, job: int) -> str:
        """Who submitted it."""
        return str(self.read("SELECT user FROM jobs WHERE id = ?", job)[0][0])

    def unfinished(self, user: str) -> int:
        """Runs of the user that wait or run."""
        sql = "SELECT count(*) FROM runs r JOIN jobs j ON j.id = r.job WHERE j.user = ? AND r.status IN ('queued', 'running')"
        return int(self.read(sql, user)[0][0])


def _summary(submission: Submission, created: str, user: str) -> str:
    configurations = [asked for _, asked in submission.configurations()]
    recipe = configurations[0].recipe
    return Job(
        job=0,
        status="queued",
        model=", ".join(dict.fromkeys(asked.model_name for asked in configurations)),
        model_sha256=configurations[0].model_sha256,
        inputs=submission.inputs,
        frames=len(submission.frames),
        recipe=recipe.origin if recipe else "",
        selector=submission.selector,
        references=submission.references,
        created=created,
        user=user,
        priority=submission.terms.priority,
    ).model_dump_json()
