"""Schedules in the state file: when each is due, what it submits, whether it is paused."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from farm.schedule.schedule import Schedule, ScheduleView
from farm.store import nights, sqlite
from farm.submission import Submission

if TYPE_CHECKING:
    from farm.schedule.schedule import Source
    from farm.store.database import Database

_COLUMNS = (
    "id, source, document, problem, next_at, paused, pause, nullif(submission, '') ->> '$.selector' AS selector,"
    " nullif(submission, '') ->> '$.terms.commit' AS git,"
    " nullif(submission, '') ->> '$.model_name' AS model, (SELECT json_group_array(value ->> '$.model_name')"
    " FROM json_each(nullif(submission, ''), '$.variants')) AS variants"
)
"""Not the submission itself, which may hold 100 000 frames."""
_NAMED = f"SELECT {_COLUMNS} FROM schedules WHERE removed IS NULL"  # noqa: S608  # our words


@dataclass(frozen=True)
class Row:
    """A schedule as it is stored. Times are Unix seconds."""

    id: int
    source: Source
    schedule: Schedule
    models: tuple[str, ...]
    """Names of the models it submits; none: nothing was prepared yet."""
    selector: str
    commit: str
    """Of what was prepared last."""
    problem: str
    """Why its submission could not be prepared the last time, or what could not be told of it; empty: all was well."""
    next_at: float
    """The first moment that has no night yet."""
    paused: float | None
    pause: str


def add(
    database: Database, schedule: Schedule, source: Source, next_at: float, submission: Submission | None = None
) -> Row | None:
    """Store a new schedule; None when there is one of this name."""
    text = "" if submission is None else submission.model_dump_json()
    try:
        with database.write() as db:
            row = db.execute(
                "INSERT INTO schedules (name, source, document, submission, next_at, created)"
                " VALUES (?, ?, ?, ?, ?, ?) RETURNING id",
                (schedule.name, source, schedule.model_dump_json(), text, next_at, time.time()),
            ).fetchall()[0]
    except sqlite.IntegrityError:
        return None
    return of_id(database, row["id"])


def rows(database: Database) -> list[Row]:
    """All that are not removed, by name."""
    return [_row(row) for row in database.read(f"{_NAMED} ORDER BY name")]


def due(database: Database, now: float) -> list[Row]:
    """Those that are due at `now`, Unix seconds, the earliest first."""
    return [_row(row) for row in database.read(f"{_NAMED} AND paused IS NULL AND next_at <= ? ORDER BY next_at", now)]


def find(database: Database, name: str) -> Row | None:
    """The schedule of this name; None when there is none."""
    found = database.read(f"{_NAMED} AND name = ?", name)
    return _row(found[0]) if found else None


def of_id(database: Database, schedule_id: int) -> Row:
    """One that is there, also a removed one."""
    return _row(database.read(f"SELECT {_COLUMNS} FROM schedules WHERE id = ?", schedule_id)[0])  # noqa: S608  # our words


def submission(database: Database, schedule_id: int) -> Submission | None:
    """What a schedule submits; None: nothing was prepared yet."""
    text = database.read("SELECT submission FROM schedules WHERE id = ?", schedule_id)[0][0]
    return Submission.model_validate_json(text) if text else None


def change(database: Database, schedule_id: int, schedule: Schedule, source: Source, next_at: float) -> None:
    """Give a schedule another document, and the moment it is due next."""
    with database.write() as db:
        db.execute(
            "UPDATE schedules SET document = ?, source = ?, next_at = ? WHERE id = ?",
            (schedule.model_dump_json(), source, next_at, schedule_id),
        )


def prepared(database: Database, schedule_id: int, submission: Submission | None, problem: str = "") -> None:
    """What was read of its files just now; without a submission, the one before stays."""
    with database.write() as db:
        db.execute(
            "UPDATE schedules SET submission = coalesce(?, submission), problem = ? WHERE id = ?",
            (None if submission is None else submission.model_dump_json(), problem, schedule_id),
        )


def pause(database: Database, schedule_id: int, reason: str) -> None:
    """Fire it no more until it is resumed; paused already, only the reason changes."""
    with database.write() as db:
        db.execute(
            "UPDATE schedules SET paused = coalesce(paused, ?), pause = ? WHERE id = ?",
            (time.time(), reason, schedule_id),
        )


def resume(database: Database, schedule_id: int, next_at: float) -> None:
    """Fire it again, from `next_at` on: what fell into the pause was not wanted."""
    with database.write() as db:
        db.execute(
            "UPDATE schedules SET paused = NULL, pause = '', next_at = ? WHERE id = ? AND paused IS NOT NULL",
            (next_at, schedule_id),
        )


def remove(database: Database, schedule_id: int) -> None:
    """End it; its nights stay, and its name is free."""
    with database.write() as db:
        db.execute("UPDATE schedules SET removed = ? WHERE id = ?", (time.time(), schedule_id))


def view(database: Database, row: Row) -> ScheduleView:
    """As people see it."""
    last = nights.nights(database, schedule=row.schedule.name, limit=1)
    return ScheduleView(
        schedule=row.schedule,
        id=row.id,
        source=row.source,
        next_at=None if row.paused is not None else row.next_at,
        paused=row.paused,
        pause=row.pause,
        model=", ".join(row.models),
        selector=row.selector,
        commit=row.commit,
        problem=row.problem,
        last=last[0] if last else None,
    )


def _row(row: sqlite.Row) -> Row:
    own = row["model"]
    models = [name or own for name in json.loads(row["variants"])] or ([own] if own else [])
    return Row(
        id=row["id"], source=row["source"], schedule=Schedule.model_validate_json(row["document"]),
        models=tuple(dict.fromkeys(models)), selector=row["selector"] or "", commit=row["git"] or "", problem=row["problem"],
        next_at=row["next_at"], paused=row["paused"], pause=row["pause"],
    )  # fmt: skip
