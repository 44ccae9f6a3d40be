"""Regressions in the state file: where each stands, from which level on a series is judged, which nights were judged."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from farm.trend.regression import Regression
from farm.trend.series import Key
from farm.trend.shift import Shift

if TYPE_CHECKING:
    from collections.abc import Sequence

    from farm.store import sqlite
    from farm.store.database import Database, Reader
    from farm.trend.regression import Status

_REGRESSION = (
    "SELECT r.*, s.schedule, s.model, s.serial, s.configuration, s.metric, s.unit, s.better"
    " FROM regressions r JOIN series s ON s.id = r.series"
)

FARM = "farm"
"""The user of what nobody asked for."""


@dataclass(frozen=True)
class JudgedNight:
    """A night that is over, and whose series nobody has looked at. `ended` is in Unix seconds."""

    id: int
    schedule: str
    ended: float


def unjudged(database: Database) -> list[JudgedNight]:
    """In the order they ended."""
    rows = database.read(
        "SELECT n.id, s.name, coalesce(n.ended, n.fired) AS ended FROM nights n JOIN schedules s ON s.id = n.schedule"
        " WHERE n.status = 'over' AND NOT EXISTS (SELECT 1 FROM judged WHERE night = n.id) ORDER BY ended, n.id"
    )
    return [JudgedNight(*row) for row in rows]


def judged(
    database: Database,
    night: int,
    now: float,
    *,
    series: int,
    shifts: Sequence[tuple[int, Shift]],
    moves: Sequence[tuple[Regression, Regression]] = (),
) -> bool:
    """A night was looked at: `shifts` (series, shift) are new, and `moves` stand elsewhere; all of it, or nothing.

    What got worse is a suspect; what got better is the baseline from now on, so that it is not lost unseen.

    False when it had been looked at before. A regression that somebody moved meanwhile stays where they put it.
    """
    with database.write() as db:
        if not db.execute(
            "INSERT OR IGNORE INTO judged (night, at, series) VALUES (?, ?, ?) RETURNING night", (night, now, series)
        ).fetchall():
            return False
        for number, shift in shifts:
            if not shift.worse:
                _rebase(db, number, shift.begins, FARM, "better than before")
                continue
            db.execute(
                "INSERT INTO regressions (series, begins, status, found, changed, document)"
                " VALUES (?, ?, 'suspect', ?, ?, ?)",
                (number, shift.begins, now, now, shift.model_dump_json()),
            )
        for before, after in moves:
            _move(db, before, after)
    return True


def move(database: Database, before: Regression, after: Regression) -> bool:
    """It stands elsewhere; False when it does not stand at `before` any more. What is accepted is a baseline."""
    with database.write() as db:
        return _move(db, before, after)


def get(database: Database, number: int) -> Regression | None:
    """One; None when there is no such regression."""
    rows = database.read(f"{_REGRESSION} WHERE r.id = ?", number)
    return _of_row(rows[0]) if rows else None


def find(
    database: Reader,
    *,
    statuses: Sequence[Status] = (),
    model: str = "",
    serial: str = "",
    schedule: str | None = None,
    limit: int = 1000,
) -> list[Regression]:
    """The newest first; without `statuses`, wherever they stand."""
    terms, values = ["1"], list[object]()
    if statuses:
        terms.append(f"r.status IN ({', '.join('?' * len(statuses))})")
        values += statuses
    for column, value in (("model", model or None), ("serial", serial or None), ("schedule", schedule)):
        if value is not None:
            terms.append(f"s.{column} = ?")
            values.append(value)
    sql = f"{_REGRESSION} WHERE {' AND '.join(terms)} ORDER BY r.id DESC LIMIT ?"
    return [_of_row(row) for row in database.read(sql, *values, limit)]


def of_series(database: Database, series: Sequence[int]) -> list[Regression]:
    """All that were ever found in these series, in the order their levels began."""
    sql = f"{_REGRESSION} WHERE r.series IN (SELECT value FROM json_each(?)) ORDER BY r.begins, r.id"  # noqa: S608  # words of ours
    return [_of_row(row) for row in database.read(sql, json.dumps(list(series)))]


def baselines(database: Reader) -> dict[int, float]:
    """From when on each series is judged (Unix seconds), of those that had a new level accepted."""
    rows = database.read("SELECT series, max(at) AS at FROM baselines GROUP BY series")
    return {row["series"]: row["at"] for row in rows}


def ended(database: Database, job: int) -> dict[int, float]:
    """When each run of a job ended, Unix seconds, of those that did."""
    rows = database.read("SELECT id, ended FROM runs WHERE job = ? AND ended IS NOT NULL", job)
    return {row["id"]: row["ended"] for row in rows}


def _move(db: sqlite.Connection, before: Regression, after: Regression) -> bool:
    if not db.execute(
        "UPDATE regressions SET status = ?, changed = ?, job = ?, user = ?, reason = ?, until = ?, document = ?"
        " WHERE id = ? AND status = ? AND changed = ? RETURNING id",
        (
            *(after.status, after.changed, after.job, after.user, after.reason, after.until),
            *(after.shift.model_dump_json(), before.id, before.status, before.changed),
        ),
    ).fetchall():
        return False
    if after.status == "accepted":
        _rebase(db, after.series, after.shift.begins, after.user, after.reason)
    return True


def _rebase(db: sqlite.Connection, series: int, at: float, user: str, reason: str) -> None:
    db.execute(
        "INSERT OR REPLACE INTO baselines (series, at, user, reason) VALUES (?, ?, ?, ?)", (series, at, user, reason)
    )


def _of_row(row: sqlite.Row) -> Regression:
    key = Key(
        schedule=row["schedule"], model=row["model"], serial=row["serial"], configuration=row["configuration"],
        metric=row["metric"],
    )  # fmt: skip
    return Regression(
        id=row["id"], series=row["series"], key=key, unit=row["unit"], better=row["better"], status=row["status"],
        found=row["found"], changed=row["changed"], shift=Shift.model_validate_json(row["document"]), job=row["job"],
        user=row["user"], reason=row["reason"], until=row["until"],
    )  # fmt: skip
