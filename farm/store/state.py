"""The state file: jobs, runs, leases, tokens and what happened to them.

One connection writes, under a lock, in immediate transactions; reads have connections of their own. Each method is one
transaction, so that the process may be killed between any two statements.
"""

from __future__ import annotations

import contextlib
import queue
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from farm.errors import DaemonError, InfrastructureError, StorageError
from farm.report.document import Failure, Job, Run, Target, Verdict
from farm.store import schema, sqlite
from farm.store.rows import Lease, QueuedRun, RunRow
from farm.submission import Submission

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from typing import Literal

    from farm.report.document import JobStatus

    Over = Literal["done", "failed", "canceled"]

_LEASE = """SELECT l.token, l.run, r.job, l.serial, r.attempt, l.expires FROM leases l JOIN runs r ON r.id = l.run"""


class LeaseLostError(InfrastructureError):
    """The token is not the newest of its run: the device was given to another attempt, or the run is over."""


class State:
    """The state file of one data folder. Safe for many threads; one process at a time (the daemon's lock sees to it).

    Every method raises StorageError when the disk is full or broken, and DaemonError after `close`.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = threading.RLock()
        with _typed_errors(file):
            schema.migrate(file)
            self._writer = sqlite.connect(file)
        self._readers: queue.LifoQueue[sqlite.Connection] = queue.LifoQueue()
        self._closed = False

    def close(self) -> None:
        """Close the file; what comes after is refused."""
        with self._lock:
            self._closed = True
            self._writer.close()
        with contextlib.suppress(queue.Empty):
            while True:
                self._readers.get_nowait().close()

    # jobs

    def add_job(self, submission: Submission, targets: Sequence[Target], *, key: str | None = None) -> int:
        """Store a job with a queued run for each of `targets`; its id. A `key` seen before gives the job stored then."""
        recipe = submission.recipe
        created = _now()
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
        with self._write() as db:
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
            _record(db, "submitted", job=job, detail=f"{len(targets)} runs")
        return job

    def job_of_key(self, key: str) -> int | None:
        """The job that was submitted under `key`."""
        rows = self._read("SELECT id FROM jobs WHERE key = ?", key)
        return int(rows[0]["id"]) if rows else None

    def job(self, job: int) -> Job | None:
        """The whole document of a job; None when there is no such job."""
        with self._reading() as db:
            # One transaction, so that the job's status and its runs are of the same moment.
            db.execute("BEGIN")
            row = db.execute("SELECT id, status, summary, report FROM jobs WHERE id = ?", (job,)).fetchone()
            runs = db.execute("SELECT * FROM runs WHERE job = ? ORDER BY id", (job,)).fetchall()
            db.execute("COMMIT")
        return _job(row, tuple(_whole(r) for r in runs)) if row else None

    def jobs(self, limit: int) -> list[Job]:
        """The newest jobs first, their runs without figures: target, status, verdict, error."""
        with self._reading() as db:
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
            by_job.setdefault(run["job"], []).append(_slim(run))
        return [_job(row, tuple(by_job.get(row["id"], ()))) for row in rows]

    def status(self, job: int) -> JobStatus | None:
        """Where a job stands; None when there is no such job."""
        rows = self._read("SELECT status FROM jobs WHERE id = ?", job)
        status: JobStatus | None = rows[0]["status"] if rows else None
        return status

    def submission(self, job: int) -> Submission:
        """What was submitted as `job`, which must be there."""
        return Submission.model_validate_json(self._read("SELECT submission FROM jobs WHERE id = ?", job)[0][0])

    def rows(self, job: int) -> list[RunRow]:
        """Where the runs of a job stand."""
        found = self._read("SELECT id, job, serial, status, attempt, error FROM runs WHERE job = ? ORDER BY id", job)
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
        with self._write() as db:
            if not db.execute(
                "UPDATE jobs SET canceled = 1 WHERE id = ? AND status IN ('queued', 'running') RETURNING id", (job,)
            ).fetchall():
                return []
            db.execute("UPDATE runs SET status = 'canceled' WHERE job = ? AND status = 'queued'", (job,))
            _record(db, "canceled", job=job)
            return [Lease(*r) for r in db.execute(f"{_LEASE} WHERE r.job = ?", (job,)).fetchall()]

    def ended(self) -> list[int]:
        """Jobs whose runs are all over but which are not closed yet."""
        rows = self._read(
            "SELECT id FROM jobs j WHERE status IN ('queued', 'running') AND NOT EXISTS"
            " (SELECT 1 FROM runs WHERE job = j.id AND status IN ('queued', 'running')) ORDER BY id"
        )
        return [int(r["id"]) for r in rows]

    def close_job(self, job: int, status: Over, report: str) -> None:
        """The end of a job whose runs are all over: its status, and where its report is."""
        with self._write() as db:
            db.execute("UPDATE jobs SET status = ?, report = ? WHERE id = ?", (status, report, job))
            _record(db, "closed", job=job, detail=status)

    # runs and leases

    def queued(self) -> list[QueuedRun]:
        """Every run that waits, in the order of submission."""
        rows = self._read("SELECT id, job, serial FROM runs WHERE status = 'queued' ORDER BY job, id")
        return [QueuedRun(*r) for r in rows]

    def leases(self) -> list[Lease]:
        """Every device held now."""
        return [Lease(*r) for r in self._read(_LEASE)]

    def claim(self, run: int, expires: float) -> Lease | None:
        """Lease a queued run's device to it; None when the run or the device is taken."""
        try:
            with self._write() as db:
                claimed = db.execute(
                    "UPDATE runs SET status = 'running', attempt = attempt + 1,"
                    " token = 1 + (SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'leases')"
                    " WHERE id = ? AND status = 'queued' RETURNING token, id, job, serial, attempt",
                    (run,),
                ).fetchall()
                if not claimed:
                    return None
                row = claimed[0]
                lease = Lease(row["token"], row["id"], row["job"], row["serial"], row["attempt"], expires)
                db.execute(
                    "INSERT INTO leases (token, run, serial, expires) VALUES (?, ?, ?, ?)",
                    (lease.token, lease.run, lease.serial, expires),
                )
                db.execute("UPDATE jobs SET status = 'running' WHERE id = ?", (lease.job,))
                _record(db, "leased", job=lease.job, run=run, detail=f"{lease.serial} attempt {lease.attempt}")
                return lease
        except sqlite.IntegrityError:  # the device is held by another run
            return None

    def renew(self, token: int, expires: float) -> None:
        """Hold a lease for longer.

        Raises:
            LeaseLostError: it is not held any more.
        """
        with self._write() as db:
            if not db.execute(
                "UPDATE leases SET expires = ? WHERE token = ? RETURNING run", (expires, token)
            ).fetchall():
                raise _lost(token)

    def finish(self, token: int, run: Run) -> None:
        """Commit the end of a run, once, and give its device back.

        Raises:
            LeaseLostError: `token` is not the newest of the run, or its end was committed before.
        """
        with self._write() as db:
            self._give_back(db, token)
            db.execute(
                "UPDATE runs SET status = ?, verdict = ?, error = ?, document = ? WHERE id = ?",
                (run.status, _json(run.verdict), _json(run.error), run.model_dump_json(), run.id),
            )
            _record(db, run.status, run=run.id, detail=run.error.message if run.error else "")

    def requeue(self, token: int, reason: Failure, *, counted: bool, partial: Run | None = None) -> None:
        """Give the device back and let the run wait again; `counted` says whether the attempt was one.

        What the attempt recorded (`partial`) is kept until a newer one is over.

        Raises:
            LeaseLostError: `token` is not the newest of the run, or the run is over.
        """
        with self._write() as db:
            run = self._give_back(db, token)
            db.execute(
                "UPDATE runs SET token = NULL, attempt = attempt - ?, error = coalesce(?, error),"
                " document = coalesce(?, document), status ="
                " CASE WHEN (SELECT canceled FROM jobs WHERE id = job) THEN 'canceled' ELSE 'queued' END WHERE id = ?",
                (
                    0 if counted else 1,
                    reason.model_dump_json() if counted else None,
                    partial.model_dump_json() if partial is not None and partial.captures else None,
                    run,
                ),
            )
            _record(db, "requeued", run=run, detail=reason.message)

    def fail_queued(self, run: int, reason: Failure) -> None:
        """End a run that waited in vain; nothing happens when it does not wait any more."""
        with self._write() as db:
            if db.execute(
                "UPDATE runs SET status = 'failed', error = ? WHERE id = ? AND status = 'queued' RETURNING id",
                (reason.model_dump_json(), run),
            ).fetchall():
                _record(db, "failed", run=run, detail=reason.message)

    def recover(self, attempts: int, reason: Failure) -> None:
        """After a daemon died: what ran waits again, or failed with `reason` when it has had its `attempts`."""
        with self._write() as db:
            for row in db.execute(
                "UPDATE runs SET token = NULL, error = ?, status = CASE"
                " WHEN (SELECT canceled FROM jobs WHERE id = job) THEN 'canceled'"
                " WHEN attempt >= ? THEN 'failed' ELSE 'queued' END WHERE status = 'running' RETURNING id, status",
                (reason.model_dump_json(), attempts),
            ).fetchall():
                _record(db, "recovered", run=row["id"], detail=row["status"])
            db.execute("DELETE FROM leases")

    def is_canceled(self, job: int) -> bool:
        """Whether somebody asked for the end of the job."""
        return bool(self._read("SELECT canceled FROM jobs WHERE id = ?", job)[0][0])

    def target(self, run: int) -> Target:
        """What the run was planned for."""
        return Target.model_validate_json(self._read("SELECT target FROM runs WHERE id = ?", run)[0][0])

    # tokens

    def add_token(self, sha256: str, name: str) -> None:
        """Let the token of this hash in; one that is known stays as it is."""
        with self._write() as db:
            db.execute("INSERT OR IGNORE INTO tokens (sha256, name, created) VALUES (?, ?, ?)", (sha256, name, _now()))

    def knows_token(self, sha256: str) -> bool:
        """Whether the token of this hash is let in."""
        return bool(self._read("SELECT 1 FROM tokens WHERE sha256 = ?", sha256))

    # inside

    @contextlib.contextmanager
    def _write(self) -> Iterator[sqlite.Connection]:
        with self._lock, _typed_errors(self._file):
            if self._closed:
                raise _is_closed()
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                yield self._writer
                self._writer.execute("COMMIT")
            except BaseException:
                if self._writer.in_transaction:
                    self._writer.execute("ROLLBACK")
                raise

    @contextlib.contextmanager
    def _reading(self) -> Iterator[sqlite.Connection]:
        with _typed_errors(self._file):
            try:
                connection = self._readers.get_nowait()
            except queue.Empty:
                if self._closed:
                    raise _is_closed() from None
                connection = sqlite.connect(self._file, read_only=True)
            try:
                yield connection
            finally:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                if self._closed:
                    connection.close()
                else:
                    self._readers.put(connection)

    def _read(self, sql: str, *values: Any) -> list[sqlite.Row]:
        with self._reading() as db:
            return db.execute(sql, values).fetchall()

    @staticmethod
    def _give_back(db: sqlite.Connection, token: int) -> int:
        held = db.execute("DELETE FROM leases WHERE token = ? RETURNING run", (token,)).fetchall()
        if not held:
            raise _lost(token)
        return int(held[0]["run"])


def _lost(token: int) -> LeaseLostError:
    return LeaseLostError(
        "the lease is over: its run ended or was given to another attempt",
        where=f"lease {token}",
        remedy="nothing to do: the newer attempt's result counts",
    )


def _is_closed() -> DaemonError:
    return DaemonError("the daemon is shutting down", remedy="try again")


@contextlib.contextmanager
def _typed_errors(file: Path) -> Iterator[None]:
    try:
        yield
    except sqlite.IntegrityError:
        raise
    except sqlite.DatabaseError as e:
        raise StorageError(str(e), where=str(file), remedy="free some space and check the disk") from e


def _record(
    db: sqlite.Connection, kind: str, *, job: int | None = None, run: int | None = None, detail: str = ""
) -> None:
    db.execute(
        "INSERT INTO events (at, kind, job, run, detail)"
        " VALUES (?, ?, coalesce(?, (SELECT job FROM runs WHERE id = ?)), ?, ?)",
        (_now(), kind, job, run, run, detail),
    )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _json(part: Verdict | Failure | None) -> str | None:
    return part.model_dump_json() if part else None


def _job(row: sqlite.Row, runs: tuple[Run, ...]) -> Job:
    return Job.model_validate_json(row["summary"]).model_copy(
        update={"job": row["id"], "status": row["status"], "report": row["report"], "runs": runs}
    )


def _whole(row: sqlite.Row) -> Run:
    slim = _slim(row)
    if not row["document"] or row["status"] not in ("done", "failed", "canceled"):
        return slim
    # A run that failed while it waited again has its last attempt's document, and a newer status and error.
    newer = {name: getattr(slim, name) for name in ("target", "status", "attempt", "error")}
    return Run.model_validate_json(row["document"]).model_copy(update=newer)


def _slim(row: sqlite.Row) -> Run:
    return Run(
        id=row["id"],
        target=Target.model_validate_json(row["target"]),
        status=row["status"],
        attempt=row["attempt"],
        verdict=Verdict.model_validate_json(row["verdict"]) if row["verdict"] else None,
        error=Failure.model_validate_json(row["error"]) if row["error"] else None,
    )
