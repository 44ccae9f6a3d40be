"""Runs and leases in the state file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from farm.errors import InfrastructureError
from farm.report.document import Target
from farm.store import sqlite
from farm.store.database import Database, record
from farm.store.rows import LEASE, Lease, QueuedRun

if TYPE_CHECKING:
    from farm.report.document import Failure, Run, Verdict


class LeaseLostError(InfrastructureError):
    """The token is not the newest of its run: the device was given to another attempt, or the run is over."""


class Runs(Database):
    """Methods on runs and leases."""

    def queued(self) -> list[QueuedRun]:
        """Every run that waits, in the order of submission."""
        rows = self.read("SELECT id, job, serial FROM runs WHERE status = 'queued' ORDER BY job, id")
        return [QueuedRun(*r) for r in rows]

    def leases(self) -> list[Lease]:
        """Every device held now."""
        return [Lease(*r) for r in self.read(LEASE)]

    def claim(self, run: int, expires: float) -> Lease | None:
        """Lease a queued run's device to it; None when the run or the device is taken."""
        try:
            with self.write() as db:
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
                record(db, "leased", job=lease.job, run=run, detail=f"{lease.serial} attempt {lease.attempt}")
                return lease
        except sqlite.IntegrityError:  # the device is held by another run
            return None

    def renew(self, token: int, expires: float) -> None:
        """Hold a lease for longer.

        Raises:
            LeaseLostError: it is not held any more.
        """
        with self.write() as db:
            if not db.execute(
                "UPDATE leases SET expires = ? WHERE token = ? RETURNING run", (expires, token)
            ).fetchall():
                raise _lost(token)

    def finish(self, token: int, run: Run) -> None:
        """Commit the end of a run, once, and give its device back.

        Raises:
            LeaseLostError: `token` is not the newest of the run, or its end was committed before.
        """
        with self.write() as db:
            self._give_back(db, token)
            db.execute(
                "UPDATE runs SET status = ?, verdict = ?, error = ?, document = ? WHERE id = ?",
                (run.status, _json(run.verdict), _json(run.error), run.model_dump_json(), run.id),
            )
            record(db, run.status, run=run.id, detail=run.error.message if run.error else "")

    def requeue(self, token: int, reason: Failure, *, counted: bool, partial: Run | None = None) -> None:
        """Give the device back and let the run wait again; `counted` says whether the attempt was one.

        What the attempt recorded (`partial`) is kept until a newer one is over.

        Raises:
            LeaseLostError: `token` is not the newest of the run, or the run is over.
        """
        with self.write() as db:
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
            record(db, "requeued", run=run, detail=reason.message)

    def fail_queued(self, run: int, reason: Failure) -> None:
        """End a run that waited in vain; nothing happens when it does not wait any more."""
        with self.write() as db:
            if db.execute(
                "UPDATE runs SET status = 'failed', error = ? WHERE id = ? AND status = 'queued' RETURNING id",
                (reason.model_dump_json(), run),
            ).fetchall():
                record(db, "failed", run=run, detail=reason.message)

    def recover(self, attempts: int, reason: Failure) -> None:
        """After a daemon died: what ran waits again, or failed with `reason` when it has had its `attempts`."""
        with self.write() as db:
            for row in db.execute(
                "UPDATE runs SET token = NULL, error = ?, status = CASE"
                " WHEN (SELECT canceled FROM jobs WHERE id = job) THEN 'canceled'"
                " WHEN attempt >= ? THEN 'failed' ELSE 'queued' END WHERE status = 'running' RETURNING id, status",
                (reason.model_dump_json(), attempts),
            ).fetchall():
                record(db, "recovered", run=row["id"], detail=row["status"])
            db.execute("DELETE FROM leases")

    def target(self, run: int) -> Target:
        """What the run was planned for."""
        return Target.model_validate_json(self.read("SELECT target FROM runs WHERE id = ?", run)[0][0])

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


def _json(part: Verdict | Failure | None) -> str | None:
    return part.model_dump_json() if part else None
