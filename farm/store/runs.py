"""Runs and leases in the state file."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

from farm.errors import InfrastructureError
from farm.report.document import Target
from farm.store import series, sqlite
from farm.store.database import Database, record
from farm.store.documents import with_earlier
from farm.store.rows import LEASE, Lease, Placed, QueuedRun
from farm.store.shared import promote, share

if TYPE_CHECKING:
    from pathlib import Path

    from farm.report.document import Failure, Run, Verdict


_QUEUED = """
SELECT r.id, r.job, r.serial, j.user, unixepoch(j.created, 'subsec') AS submitted, j.deadline, r.avoid,
  max(r.not_before, j.not_before) AS not_before,
  max(j.priority, coalesce((SELECT max(fj.priority) FROM runs f JOIN jobs fj ON fj.id = f.job
    WHERE f.same_as = r.id AND f.status = 'queued'), j.priority)) AS priority,
  EXISTS (SELECT 1 FROM dependencies d JOIN jobs a ON a.id = d.after
    WHERE d.job = r.job AND a.status <> 'done') AS blocked,
  CASE WHEN r.floating THEN j.summary ->> 'selector' ELSE '' END AS selector,
  CASE WHEN r.floating THEN (SELECT json_group_array(s.serial) FROM runs s WHERE s.job = r.job AND s.id <> r.id
    AND s.variant = r.variant AND s.repetition = r.repetition AND s.serial <> '') ELSE '[]' END AS taken
FROM runs r JOIN jobs j ON j.id = r.job WHERE r.status = 'queued' AND r.same_as IS NULL ORDER BY r.job, r.id"""
_DOOMED = """
SELECT r.id, r.job, r.serial, j.deadline,
  (SELECT a.id FROM dependencies d JOIN jobs a ON a.id = d.after
    WHERE d.job = r.job AND a.status IN ('failed', 'canceled') LIMIT 1) AS after
FROM runs r JOIN jobs j ON j.id = r.job LEFT JOIN runs l ON l.id = r.same_as
WHERE r.status = 'queued' AND (after IS NOT NULL OR (j.deadline <= ?1 AND coalesce(l.status, '') <> 'running'))"""


class LeaseLostError(InfrastructureError):
    """The token is not the newest of its run: the device was given to another attempt, or the run is over."""


class Runs(Database):
    """Methods on runs and leases."""

    def __init__(self, file: Path) -> None:
        super().__init__(file)
        self._queued: tuple[int, tuple[QueuedRun, ...]] = (-1, ())

    def queued(self) -> tuple[QueuedRun, ...]:
        """Every run that waits for a device of its own, in the order of submission."""
        version = self.version
        if version != self._queued[0]:
            self._queued = (version, tuple(_queued(r) for r in self.read(_QUEUED)))
        return self._queued[1]

    def used(self, since: float, now: float) -> dict[str, float]:
        """Seconds of device time each user had between two moments (Unix seconds)."""
        sql = (
            "SELECT j.user, sum(min(coalesce(r.ended, ?2), ?2) - max(r.started, ?1)) AS seconds FROM runs r"
            " JOIN jobs j ON j.id = r.job WHERE r.started IS NOT NULL AND r.same_as IS NULL"
            " AND (r.ended > ?1 OR r.status = 'running') GROUP BY j.user"
        )
        return {row["user"]: max(0.0, row["seconds"]) for row in self.read(sql, since, now)}

    def doomed(self, now: float) -> list[tuple[QueuedRun, str]]:
        """Runs that cannot begin any more, and why: their deadline is over, or a job they wait for was not done."""
        found = []
        for row in self.read(_DOOMED, now):
            late = row["deadline"] is not None and row["deadline"] <= now
            why = "its deadline passed before a device was free" if late else f"job {row['after']} was not done"
            found.append((QueuedRun(row["id"], row["job"], row["serial"]), why))
        return found

    def leases(self) -> list[Lease]:
        """Every device held now."""
        return [Lease(*r) for r in self.read(LEASE)]

    def claim(self, run: int, target: Target, expires: float) -> Lease | None:
        """Lease a device to a queued run; None when the run or the device is taken."""
        try:
            with self.write() as db:
                claimed = db.execute(
                    "UPDATE runs SET status = 'running', attempt = attempt + 1, serial = ?, target = ?, started = ?,"
                    " ended = NULL, token = 1 + (SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'leases')"
                    " WHERE id = ? AND status = 'queued' AND same_as IS NULL AND (floating OR serial = ?)"
                    " RETURNING token, id, job, serial, attempt",
                    (target.serial, target.model_dump_json(), time.time(), run, target.serial),
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
                record(
                    db, "leased", job=lease.job, run=run, serial=lease.serial,
                    detail=f"{lease.serial} attempt {lease.attempt}",
                )  # fmt: skip
                return lease
        except sqlite.IntegrityError:  # the device is held by another run
            return None

    def renew(self, token: int, expires: float) -> None:
        """Hold a lease for longer.

        Raises:
            LeaseLostError: it is not held any more.
        """
        with self.write(quiet=True) as db:
            if not db.execute(
                "UPDATE leases SET expires = ? WHERE token = ? RETURNING run", (expires, token)
            ).fetchall():
                raise _lost(token)

    def finish(self, token: int, run: Run) -> list[int]:
        """Commit the end of a run, once, and give its device back; the jobs of other runs that ended with it.

        Raises:
            LeaseLostError: `token` is not the newest of the run, or its end was committed before.
        """
        with self.write() as db:
            self._give_back(db, token)
            run = with_earlier(db, run)
            ended = time.time()
            db.execute(
                "UPDATE runs SET status = ?, verdict = ?, error = ?, document = ?, ended = ? WHERE id = ?",
                (run.status, _json(run.verdict), _json(run.error), run.model_dump_json(), ended, run.id),
            )
            serial = run.target.serial if run.target else ""
            record(db, run.status, run=run.id, serial=serial, detail=run.error.message if run.error else "")
            if run.status == "canceled":
                promote(db, run.id)
                return []
            jobs = share(db, run)
            series.record(db, run, ended)
            return jobs

    def requeue(
        self,
        token: int,
        reason: Failure,
        *,
        counted: bool,
        partial: Run | None = None,
        not_before: float = 0.0,
        waited: float = 0.0,
    ) -> None:
        """Give the device back and let the run wait again, until `not_before`; `counted` says whether the attempt was one.

        What the attempt recorded (`partial`) is kept until a newer one is over. `waited` seconds more were spent on
        waiting for conditions.

        Raises:
            LeaseLostError: `token` is not the newest of the run, or the run is over.
        """
        with self.write() as db:
            run = self._give_back(db, token)
            partial = with_earlier(db, partial) if partial is not None else None
            row = db.execute(
                "UPDATE runs SET token = NULL, attempt = attempt - ?1, error = coalesce(?2, error),"
                " document = coalesce(?3, document), not_before = ?4, waited = waited + ?5, ended = ?6,"
                " avoid = CASE WHEN ?1 THEN avoid ELSE json_insert(avoid, '$[#]', serial) END,"
                " serial = CASE WHEN floating THEN '' ELSE serial END, status ="
                " CASE WHEN (SELECT canceled FROM jobs WHERE id = job) THEN 'canceled' ELSE 'queued' END WHERE id = ?7"
                " RETURNING status",
                (
                    0 if counted else 1,
                    reason.model_dump_json() if counted else None,
                    partial.model_dump_json()
                    if partial is not None and (partial.captures or partial.evidence)
                    else None,
                    *(not_before, waited, time.time(), run),
                ),
            ).fetchall()[0]
            record(db, "requeued", run=run, detail=reason.message)
            if row["status"] == "canceled":
                promote(db, run)

    def fail_queued(self, run: int, reason: Failure) -> None:
        """End a run that waited in vain; nothing happens when it does not wait any more."""
        with self.write() as db:
            if db.execute(
                "UPDATE runs SET status = 'failed', error = ? WHERE id = ? AND status = 'queued' RETURNING id",
                (reason.model_dump_json(), run),
            ).fetchall():
                record(db, "failed", run=run, detail=reason.message)
                promote(db, run)

    def recover(self, deaths: int, reason: Failure) -> None:
        """After a daemon died: what ran waits again, or failed with `reason` when so many daemons died under it.

        A death is no failed attempt: it was not the run's fault, unless the run is what kills them.
        """
        with self.write() as db:
            for row in db.execute(
                "UPDATE runs SET token = NULL, error = ?, deaths = deaths + 1, ended = started,"
                " serial = CASE WHEN floating THEN '' ELSE serial END, status = CASE"
                " WHEN (SELECT canceled FROM jobs WHERE id = job) THEN 'canceled'"
                " WHEN deaths + 1 >= ? THEN 'failed' ELSE 'queued' END WHERE status = 'running' RETURNING id, status",
                (reason.model_dump_json(), deaths),
            ).fetchall():
                record(db, "recovered", run=row["id"], detail=row["status"])
                if row["status"] != "queued":
                    promote(db, row["id"])
            db.execute("DELETE FROM leases")

    def waited(self, run: int) -> float:
        """Seconds the run has spent waiting for conditions."""
        return float(self.read("SELECT waited FROM runs WHERE id = ?", run)[0][0])

    def placed(self, run: int) -> Placed:
        """Which of its job's configurations a run is."""
        row = self.read("SELECT variant, configuration, repetition, deaths FROM runs WHERE id = ?", run)[0]
        return Placed(row["variant"], row["configuration"], row["repetition"], row["deaths"])

    def target(self, run: int) -> Target:
        """What the run was planned for, or ran on last."""
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


def _queued(row: sqlite.Row) -> QueuedRun:
    return QueuedRun(
        *(row["id"], row["job"], row["serial"], row["user"], row["priority"], row["submitted"], row["not_before"]),
        *(row["deadline"], bool(row["blocked"]), row["selector"] or ""),
        *(frozenset(json.loads(row["avoid"])), frozenset(json.loads(row["taken"]))),
    )


def _json(part: Verdict | Failure | None) -> str | None:
    return part.model_dump_json() if part else None
