"""The nights of schedules: each moment that was due, once, and the jobs that came of it."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

from pydantic import TypeAdapter

from farm.schedule.schedule import Missing, Night

if TYPE_CHECKING:
    from collections.abc import Sequence

    from farm.schedule.decide import Decision
    from farm.store import sqlite
    from farm.store.database import Database

KIND = "nightly"
"""Of a night's jobs, and the user they belong to: nobody's own share of the devices."""
_MISSING = TypeAdapter(tuple[Missing, ...])
_NIGHT = (
    "SELECT n.*, s.name, (SELECT json_group_array(id) FROM (SELECT id FROM jobs WHERE night = n.id ORDER BY id)) AS jobs"
    " FROM nights n JOIN schedules s ON s.id = n.schedule"
)


def key(night: int) -> str:
    """Under which a night's job is submitted: however often it is tried, it is one job."""
    return f"night {night}"


def claim(database: Database, schedule_id: int, next_at: float, decision: Decision, now: float) -> int | None:
    """Make the night that was decided on at `now` for a schedule due at `next_at` (Unix seconds both); None when somebody
    else did, or paused it.

    One transaction: a moment has a night, or it is still due.
    """
    with database.write() as db:
        due = db.execute(
            "UPDATE schedules SET next_at = ? WHERE id = ? AND next_at = ? AND paused IS NULL AND removed IS NULL"
            " RETURNING id",
            (decision.next_at, schedule_id, next_at),
        ).fetchall()
        if not due:
            return None
        skipped = decision.skipped
        return db.execute(
            "INSERT INTO nights (schedule, fire_at, fired, missed, status, note, ended) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                *(schedule_id, decision.fire_at, now, decision.missed, "skipped" if skipped else "open", skipped),
                now if skipped else None,
            ),
        ).lastrowid


def begin(database: Database, schedule_id: int, key: str | None = None) -> tuple[int, bool]:
    """Make a night now, though the schedule is not due; its number, and whether it is new: a `key` seen before gives the
    night made then."""
    with database.write() as db:
        if key is not None and (known := db.execute("SELECT id FROM nights WHERE key = ?", (key,)).fetchone()):
            return int(known["id"]), False
        now = time.time()
        night = db.execute(
            "INSERT INTO nights (schedule, key, fire_at, fired) VALUES (?, ?, ?, ?)", (schedule_id, key, now, now)
        ).lastrowid
    assert night is not None  # noqa: S101  # an INSERT has one
    return night, True


def tell(database: Database, night: int, note: str) -> None:
    """What an open night waits for, or lacks; empty: nothing."""
    with database.write() as db:
        db.execute("UPDATE nights SET note = ? WHERE id = ? AND status = 'open'", (note, night))


def miss(database: Database, night: int, missing: Sequence[Missing]) -> None:
    """The devices that could not take part in a night."""
    with database.write() as db:
        db.execute("UPDATE nights SET missing = ? WHERE id = ?", (_MISSING.dump_json(tuple(missing)).decode(), night))


def fail(database: Database, night: int, note: str) -> None:
    """End an open night of which no job came."""
    with database.write() as db:
        db.execute(
            "UPDATE nights SET status = 'failed', note = ?, ended = ? WHERE id = ? AND status = 'open'"
            " AND NOT EXISTS (SELECT 1 FROM jobs WHERE night = nights.id)",
            (note, time.time(), night),
        )


def settle(db: sqlite.Connection, job: int) -> None:
    """A job was closed, in this transaction: if it was the last of its night, the night is over."""
    db.execute(
        "UPDATE nights SET status = 'over', ended = ? WHERE status = 'open' AND id = (SELECT night FROM jobs WHERE id = ?)"
        " AND NOT EXISTS (SELECT 1 FROM jobs WHERE night = nights.id AND status IN ('queued', 'running'))",
        (time.time(), job),
    )


def waiting(database: Database) -> list[Night]:
    """Open nights without a job, the oldest first: no device was ready, or a daemon died in between."""
    found = database.read(f"{_NIGHT} WHERE n.status = 'open' ORDER BY n.id")
    return [night for row in found if not (night := _night(row)).jobs]


def open_of(database: Database, schedule_id: int) -> list[Night]:
    """A schedule's nights that are not over, the oldest first."""
    return [
        _night(row)
        for row in database.read(f"{_NIGHT} WHERE n.status = 'open' AND n.schedule = ? ORDER BY n.id", schedule_id)
    ]


def night(database: Database, night: int) -> Night | None:
    """One night, with its jobs; None when there is no such night."""
    found = database.read(f"{_NIGHT} WHERE n.id = ?", night)
    return _night(found[0]) if found else None


def nights(
    database: Database, *, schedule: str | None = None, since: float = 0.0, until: float = float("inf"), limit: int = 50
) -> list[Night]:
    """The newest first, of one schedule or of all (removed ones too), fired in [since, until), Unix seconds."""
    sql = f"{_NIGHT} WHERE n.fired >= ? AND n.fired < ?{' AND s.name = ?' * (schedule is not None)}"
    named = () if schedule is None else (schedule,)
    return [
        _night(row)
        for row in database.read(f"{sql} ORDER BY n.fired DESC, n.id DESC LIMIT ?", since, until, *named, limit)
    ]


def _night(row: sqlite.Row) -> Night:
    return Night(
        id=row["id"], schedule=row["name"], fire_at=row["fire_at"], fired=row["fired"], missed=row["missed"],
        status=row["status"], note=row["note"], ended=row["ended"], jobs=tuple(json.loads(row["jobs"])),
        missing=_MISSING.validate_json(row["missing"]),
    )  # fmt: skip
