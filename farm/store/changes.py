"""What changed since: the log of events, read as what it is about (jobs, runs, nights, gates, regressions), as it is now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from farm.gate.answer import Answer
    from farm.report.document import JobStatus, RunStatus
    from farm.schedule.schedule import NightStatus
    from farm.store import sqlite
    from farm.store.database import Database
    from farm.trend.regression import Status

WHOLE = ("submitted", "canceled")
"""Kinds of events that are about every run of their job."""
_OPEN = "('queued', 'running')"
_JOB = "SELECT id, status, user, json_extract(summary, '$.model') FROM jobs"
_NIGHT = (
    "SELECT n.id AS id, s.name, n.status, n.note, EXISTS (SELECT 1 FROM judged WHERE night = n.id) AS judged"
    " FROM nights n JOIN schedules s ON s.id = n.schedule"
)
_GATE = "SELECT gate, job, outcome, subject FROM gate_checks"
_REGRESSION = "SELECT id, status FROM regressions"
_RUN = "SELECT id, job, serial, status, attempt, coalesce(json_extract(error, '$.message'), '') FROM runs"


@dataclass(frozen=True)
class JobNow:
    """A job as it is."""

    job: int
    status: JobStatus
    user: str
    model: str


@dataclass(frozen=True)
class RunNow:
    """A run as it is."""

    run: int
    job: int
    serial: str
    status: RunStatus
    attempt: int
    message: str
    """Why the last attempt gave no result."""


@dataclass(frozen=True)
class NightNow:
    """A night as it is."""

    night: int
    schedule: str
    status: NightStatus
    note: str
    judged: int
    """1: its series were looked at for shifts."""


@dataclass(frozen=True)
class GateNow:
    """A gate was checked."""

    gate: str
    job: int
    outcome: Answer
    subject: str


@dataclass(frozen=True)
class RegressionNow:
    """A regression as it is."""

    regression: int
    status: Status


Now = JobNow | RunNow | NightNow | GateNow | RegressionNow
_SUBJECTS: dict[str, tuple[str, str, type[NightNow | GateNow | RegressionNow]]] = {
    "night": (_NIGHT, "n.id", NightNow),
    "gate": (_GATE, "id", GateNow),
    "regression": (_REGRESSION, "id", RegressionNow),
}
"""Kind of event -> what its subject is: the query, the column of its number, what is made of a row."""


def newest(database: Database) -> int:
    """Number of the last event; 0 before the first."""
    return int(database.read("SELECT coalesce(max(id), 0) FROM events")[0][0])


def unfinished(database: Database, after: int, limit: int) -> list[RunNow]:
    """Runs that are not over, numbered above `after`, in order."""
    rows = database.read(f"{_RUN} WHERE id > ? AND status IN {_OPEN} ORDER BY id LIMIT ?", after, limit)
    return [RunNow(*row) for row in rows]


def open_jobs(database: Database, after: int, limit: int) -> list[JobNow]:
    """Jobs that are not over, numbered above `after`, in order."""
    rows = database.read(f"{_JOB} WHERE id > ? AND status IN {_OPEN} ORDER BY id LIMIT ?", after, limit)
    return [JobNow(*row) for row in rows]


def since(database: Database, after: int, limit: int) -> tuple[int, list[Now]]:
    """The number of the last of at most `limit` events after `after`, and what they are about, each once."""
    with database.reading() as db:
        db.execute("BEGIN")
        events = db.execute(
            "SELECT id, kind, job, run, subject FROM events WHERE id > ? ORDER BY id LIMIT ?", (after, limit)
        ).fetchall()
        jobs = list(dict.fromkeys(e["job"] for e in events if e["job"] is not None))
        runs = list(dict.fromkeys(e["run"] for e in events if e["run"] is not None))
        whole = list(dict.fromkeys(e["job"] for e in events if e["kind"] in WHOLE))
        now: list[Now] = [RunNow(*row) for row in _among(db, _RUN, "id", runs)]
        seen = set(runs)
        now += [run for row in _among(db, _RUN, "job", whole) if (run := RunNow(*row)).run not in seen]
        # After them: a job that is over has told its runs.
        now += [JobNow(*row) for row in _among(db, _JOB, "id", jobs)]
        for kind, (select, column, made) in _SUBJECTS.items():
            numbers = list(dict.fromkeys(e["subject"] for e in events if e["kind"] == kind))
            now += [made(*row) for row in _among(db, select, column, numbers)]
        db.execute("COMMIT")
    return (events[-1]["id"] if events else after), now


def _among(db: sqlite.Connection, select: str, column: str, values: list[int]) -> list[sqlite.Row]:
    marks = ", ".join("?" * len(values))
    return db.execute(f"{select} WHERE {column} IN ({marks}) ORDER BY id", values).fetchall() if values else []
