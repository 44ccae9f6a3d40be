"""Runs that are over, as the history takes them: day by day, a page at a time."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from farm.store.archive import DAY_S, wholes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from farm.report.document import Run
    from farm.store import sqlite
    from farm.store.artifacts import ArtifactStore
    from farm.store.database import Database

PAGE = 250
"""Runs that are in memory at once."""


@dataclass(frozen=True)
class Finished:
    """A run that is over, and what its job says of it. Times are Unix seconds."""

    run: Run
    job: int
    serial: str
    over_at: float
    submitted: float
    started: float | None
    seconds: float | None
    """Its last attempt took."""
    user: str
    kind: str
    schedule: str
    night: int | None
    model: str
    model_sha256: str
    commit: str


@dataclass(frozen=True)
class Day:
    """A day that the history has."""

    day: str
    """UTC, YYYY-MM-DD."""
    runs: int
    written: float
    removed: float | None


def start_of(day: str) -> float:
    """Unix seconds of a day's first moment, UTC."""
    return datetime.strptime(day, "%Y-%m-%d").replace(tzinfo=UTC).timestamp()


def days(db: sqlite.Connection) -> list[Day]:
    """The days that are written, the oldest first."""
    return [Day(*row) for row in db.execute("SELECT day, runs, written, removed FROM days ORDER BY day")]


def days_with_runs(db: sqlite.Connection, before: float = float("inf")) -> Iterator[str]:
    """Days on which a run was over, before that moment, the oldest first; one look at the index for each."""
    moment = 0.0
    while True:
        found = db.execute("SELECT min(over_at) FROM runs WHERE over_at >= ?", (moment,)).fetchone()[0]
        if found is None or found >= before:
            return
        day = datetime.fromtimestamp(found, UTC).date()
        yield day.isoformat()
        moment = start_of(_next(day).isoformat())


def count(db: sqlite.Connection, day: str) -> int:
    """Runs that were over on a day."""
    since = start_of(day)
    sql = "SELECT count(*) FROM runs WHERE over_at >= ? AND over_at < ?"
    return int(db.execute(sql, (since, since + DAY_S)).fetchone()[0])


def of_day(db: sqlite.Connection, artifacts: ArtifactStore, day: str, page: int = PAGE) -> Iterator[list[Finished]]:
    """The runs that were over on a day, in the order in which they were, by pages."""
    since = start_of(day)
    last = (since, 0)
    while True:
        rows = db.execute(
            "SELECT * FROM runs WHERE over_at >= ? AND over_at < ? AND (over_at, id) > (?, ?) ORDER BY over_at, id LIMIT ?",
            (since, since + DAY_S, *last, page),
        ).fetchall()
        if not rows:
            return
        jobs = {job: _job(db, job) for job in {row["job"] for row in rows}}
        runs = wholes(db, rows, artifacts)
        yield [_finished(row, run, jobs[row["job"]]) for row, run in zip(rows, runs, strict=True)]
        last = (rows[-1]["over_at"], rows[-1]["id"])


def record(database: Database, day: str, runs: int) -> bool:
    """Say that a day is written, with so many runs; False, and nothing is said, when it has others by now."""
    until = start_of(day) + DAY_S
    with database.write(quiet=True) as db:
        if count(db, day) != runs:
            return False
        db.execute(
            "INSERT INTO days (day, until, runs, written) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (day) DO UPDATE SET runs = excluded.runs, written = excluded.written, removed = NULL",
            (day, until, runs, time.time()),
        )
    return True


def remove(database: Database, day: str) -> None:
    """Say that a day's files are removed for good."""
    with database.write(quiet=True) as db:
        db.execute("UPDATE days SET removed = ? WHERE day = ?", (time.time(), day))


def _next(day: date) -> date:
    return day + timedelta(days=1)


def _job(db: sqlite.Connection, job: int) -> sqlite.Row:
    row: sqlite.Row = db.execute(
        "SELECT unixepoch(j.created, 'subsec') AS submitted, j.user, j.kind, j.night, coalesce(s.name, '') AS schedule,"
        " j.submission ->> '$.model_name' AS model, j.submission ->> '$.model_sha256' AS sha256,"
        " j.submission -> '$.variants' AS variants, coalesce(j.submission ->> '$.terms.commit', '') AS git"
        " FROM jobs j LEFT JOIN nights n ON n.id = j.night LEFT JOIN schedules s ON s.id = n.schedule WHERE j.id = ?",
        (job,),
    ).fetchone()
    return row


def _finished(row: sqlite.Row, run: Run, job: sqlite.Row) -> Finished:
    variants = json.loads(job["variants"] or "[]")
    chosen = variants[row["variant"]] if row["variant"] < len(variants) else {}
    started, ended = row["started"], row["ended"]
    return Finished(
        run=run,
        job=row["job"],
        serial=row["serial"],
        over_at=row["over_at"],
        submitted=job["submitted"],
        started=started,
        seconds=max(0.0, ended - started) if started is not None and ended is not None else None,
        user=job["user"],
        kind=job["kind"],
        schedule=job["schedule"],
        night=job["night"],
        model=chosen.get("model_name") or job["model"],
        model_sha256=chosen.get("model_sha256") or job["sha256"],
        commit=job["git"],
    )
