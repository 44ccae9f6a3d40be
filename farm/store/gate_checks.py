"""What gates answered, what is left of test sets, and what is compared with."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from farm.gate.answer import GateAnswer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from farm.store.database import Database
    from farm.store.sqlite import Connection, Row


@dataclass(frozen=True)
class Spent:
    """Of a test set."""

    share: float
    """Of the promise; 1: all of it."""
    passed: bool
    """A check that used it passed."""


def add(
    database: Database, key: str, answer: GateAnswer, *, test_set: str, cost: float, nightly: bool = False
) -> GateAnswer:
    """Store a check under its key; the one that was stored under it before, where there is one.

    `nightly`: it is the check that the job's night was due, also where somebody had asked the same before.
    """
    with database.write() as db:
        known = db.execute("SELECT id, document FROM gate_checks WHERE key = ?", (key,)).fetchone()
        if known is not None:
            if nightly:
                _mark(db, key)
            return _answer(known)
        row = db.execute(
            "INSERT INTO gate_checks (key, at, gate, job, subject, test_set, cost, answer, outcome, nightly, document)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id, document",
            (
                *(key, answer.at, answer.gate, answer.job, answer.subject, test_set, cost, answer.answer),
                *(answer.outcome, nightly, answer.model_dump_json()),
            ),
        ).fetchone()
        return _answer(row)


def mark(database: Database, key: str) -> None:
    """The check stored under a key is the one that its job's night was due."""
    with database.write() as db:
        _mark(db, key)


def due(database: Database, gate: str, schedules: Sequence[str], since: float) -> list[int]:
    """Jobs of nights of these schedules that ended after `since` (Unix seconds) and that a gate was not checked on, in order.

    A gate that is new to a schedule begins with the last night: those before would wear its test set out at once.
    """
    sql = (
        "WITH ended AS (SELECT n.id, n.schedule, n.ended FROM nights n JOIN schedules s ON s.id = n.schedule"
        " WHERE n.status = 'over' AND s.name IN (SELECT value FROM json_each(?2))),"
        " checked AS (SELECT n.schedule, max(n.id) AS night FROM gate_checks g JOIN jobs j ON j.id = g.job"
        " JOIN nights n ON n.id = j.night WHERE g.gate = ?1 AND g.nightly GROUP BY n.schedule)"
        " SELECT j.id FROM ended e JOIN jobs j ON j.night = e.id WHERE e.ended > ?3"
        " AND e.id >= coalesce((SELECT night FROM checked c WHERE c.schedule = e.schedule),"
        " (SELECT max(id) FROM ended l WHERE l.schedule = e.schedule))"
        " AND NOT EXISTS (SELECT 1 FROM gate_checks g WHERE g.gate = ?1 AND g.job = j.id AND g.nightly) ORDER BY j.id"
    )
    return [int(row["id"]) for row in database.read(sql, gate, json.dumps(schedules), since)]


def of_key(database: Database, key: str) -> GateAnswer | None:
    """The check stored under a key."""
    rows = database.read("SELECT id, document FROM gate_checks WHERE key = ?", key)
    return _answer(rows[0]) if rows else None


def newest(database: Database, gate: str, limit: int) -> list[GateAnswer]:
    """A gate's newest checks first; of all gates when `gate` is empty."""
    sql = "SELECT id, document FROM gate_checks WHERE gate = coalesce(nullif(?, ''), gate) ORDER BY id DESC LIMIT ?"
    return [_answer(row) for row in database.read(sql, gate, limit)]


def newest_set(database: Database, gate: str) -> str:
    """The test set that a check of the gate used last; empty when none did."""
    sql = "SELECT test_set FROM gate_checks WHERE gate = ? AND test_set <> '' ORDER BY id DESC LIMIT 1"
    return next((str(row["test_set"]) for row in database.read(sql, gate)), "")


def spent(database: Database, test_set: str, gate: str = "") -> Spent:
    """What checks took of a test set: those of one gate, or of all when `gate` is empty."""
    sql = (
        "SELECT coalesce(sum(cost), 0) AS share, coalesce(max(outcome = 'pass'), 0) AS passed FROM gate_checks"
        " WHERE test_set = ? AND gate = coalesce(nullif(?, ''), gate)"
    )
    row = database.read(sql, test_set, gate)[0]
    return Spent(float(row["share"]), bool(row["passed"]))


def last_passed(database: Database, gate: str, before: int) -> int | None:
    """The newest job before `before` that passed, of one configuration a run; None when none did."""
    sql = (
        "SELECT max(g.job) AS job FROM gate_checks g JOIN jobs j ON j.id = g.job"
        " WHERE g.gate = ? AND g.outcome = 'pass' AND g.job < ? AND NOT coalesce(j.submission ->> '$.terms.pair', 0)"
    )
    job = database.read(sql, gate, before)[0]["job"]
    return None if job is None else int(job)


def accepted(database: Database, model: str, serial: str, configuration: str) -> int | None:
    """The first run of the newest level that somebody accepted, of any series of a model on a device; None: none was."""
    sql = (
        "SELECT p.run FROM series s JOIN baselines b ON b.series = s.id JOIN points p ON p.series = s.id AND p.at >= b.at"
        " WHERE s.model = ? AND s.serial = ? AND (s.configuration = ? OR s.configuration LIKE ? ESCAPE '!')"
        " ORDER BY b.at DESC, p.at LIMIT 1"
    )
    # An energy's series has the boundary behind the configuration: `threads=4, energy at rail`.
    start = configuration.replace("!", "!!").replace("%", "!%").replace("_", "!_")
    rows = database.read(sql, model, serial, configuration, f"{start}, energy at %" if start else "energy at %")
    return int(rows[0]["run"]) if rows else None


def _mark(db: Connection, key: str) -> None:
    db.execute("UPDATE gate_checks SET nightly = 1 WHERE key = ?", (key,))


def _answer(row: Row) -> GateAnswer:
    return GateAnswer.model_validate_json(row["document"]).model_copy(update={"id": row["id"]})
