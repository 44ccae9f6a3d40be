"""The runs of a night without their figures, and which night came before."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from farm.trend.nightly import NightlyRun

if TYPE_CHECKING:
    from farm.store import sqlite
    from farm.store.database import Database

_MODELS = "SELECT id, submission ->> '$.model_name' AS model, submission -> '$.variants' AS variants FROM jobs WHERE night = ?"
_RUNS = (
    "SELECT r.id, r.job, r.serial, r.variant, r.configuration, r.status,"
    " CASE WHEN r.status = 'done' THEN r.verdict ->> '$.kind' END,"
    " CASE WHEN r.status = 'done' AND r.verdict IS NOT NULL THEN r.verdict ->> '$.cause' ELSE '' END,"
    " CASE WHEN r.status = 'done' AND r.verdict IS NOT NULL THEN r.verdict ->> '$.summary' ELSE '' END,"
    " CASE WHEN r.status = 'failed' AND r.error IS NOT NULL THEN r.error ->> '$.message' ELSE '' END,"
    " CASE WHEN r.status = 'failed' AND r.error IS NOT NULL THEN r.error ->> '$.remedy' ELSE '' END"
    " FROM runs r JOIN jobs j ON j.id = r.job WHERE j.night = ? ORDER BY r.id"
)
"""In the order of NightlyRun, but for the model, which the job knows.

The error of an attempt that a later one made good is not told.
"""

OVERDUE_S = 3600.0
"""A moment without a night is missed after that."""


def runs(database: Database, night: int) -> list[NightlyRun]:
    """Every run of a night's jobs, in the order they were submitted; none when there is no such night."""
    with database.reading() as db:
        db.execute("BEGIN")
        models = {row["id"]: _models(row) for row in db.execute(_MODELS, (night,))}
        rows = db.execute(_RUNS, (night,)).fetchall()
        db.execute("COMMIT")
    return [_run(row, models) for row in rows]


def before(database: Database, night: int) -> int | None:
    """The newest earlier night of the same schedule that ran and is over; None when there is none."""
    found = database.read(
        "SELECT b.id FROM nights n JOIN nights b ON b.schedule = n.schedule AND b.fire_at < n.fire_at"
        " WHERE n.id = ? AND b.status = 'over' ORDER BY b.fire_at DESC LIMIT 1",
        night,
    )
    return int(found[0]["id"]) if found else None


def told_before(database: Database, night: int, since: float) -> int | None:
    """The newest night of the same schedule that was over at `since`, Unix seconds; None when there was none."""
    found = database.read(
        "SELECT b.id FROM nights n JOIN nights b ON b.schedule = n.schedule AND b.id <> n.id"
        " WHERE n.id = ? AND b.status = 'over' AND b.ended <= ? ORDER BY b.ended DESC LIMIT 1",
        night,
        since,
    )
    return int(found[0]["id"]) if found else None


def after(database: Database, night: int) -> float | None:
    """When the next night of the same schedule was made, Unix seconds; None when it is the newest."""
    found = database.read(
        "SELECT min(a.fired) AS at FROM nights n JOIN nights a ON a.schedule = n.schedule AND a.fire_at > n.fire_at"
        " WHERE n.id = ?",
        night,
    )
    return None if found[0]["at"] is None else float(found[0]["at"])


def ended(database: Database, since: float, until: float) -> list[int]:
    """Nights that came to an end in (since, until], Unix seconds, and those under way, in the order they were made."""
    sql = (
        "SELECT id FROM nights WHERE (ended > ? AND ended <= ?) OR (status = 'open' AND fired <= ?) ORDER BY fired, id"
    )
    return [int(row["id"]) for row in database.read(sql, since, until, until)]


def schedules(database: Database) -> tuple[str, ...]:
    """Names of the schedules that are to run: there, and not paused."""
    rows = database.read("SELECT name FROM schedules WHERE removed IS NULL AND paused IS NULL ORDER BY name")
    return tuple(row["name"] for row in rows)


def overdue(database: Database, now: float) -> tuple[str, ...]:
    """Of those, the ones whose moment passed OVERDUE_S before `now`, Unix seconds, and has no night."""
    rows = database.read(
        "SELECT name FROM schedules WHERE removed IS NULL AND paused IS NULL AND next_at <= ? ORDER BY name",
        now - OVERDUE_S,
    )
    return tuple(row["name"] for row in rows)


def _models(row: sqlite.Row) -> list[str]:
    """Of each variant; of a job without variants one."""
    variants = json.loads(row["variants"] or "[]")
    return [variant.get("model_name") or row["model"] for variant in variants] or [row["model"]]


def _run(row: sqlite.Row, models: dict[int, list[str]]) -> NightlyRun:
    run, job, serial, variant, configuration, status, *rest = row
    names = models[job]
    return NightlyRun(run, job, names[variant if variant < len(names) else 0], serial, configuration, status, *rest)
