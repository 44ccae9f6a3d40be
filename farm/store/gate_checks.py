"""What gates answered, what is left of test sets, and what is compared with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from farm.gate.answer import GateAnswer

if TYPE_CHECKING:
    from farm.store.database import Database
    from farm.store.sqlite import Row


@dataclass(frozen=True)
class Spent:
    """Of a test set."""

    share: float
    """Of the promise; 1: all of it."""
    passed: bool
    """A check that used it passed."""


def add(database: Database, key: str, answer: GateAnswer, *, test_set: str, cost: float) -> GateAnswer:
    """Store a check under its key; the one that was stored under it before, where there is one."""
    with database.write() as db:
        known = db.execute("SELECT id, document FROM gate_checks WHERE key = ?", (key,)).fetchone()
        if known is not None:
            return _answer(known)
        row = db.execute(
            "INSERT INTO gate_checks (key, at, gate, job, subject, test_set, cost, answer, outcome, document)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id, document",
            (
                *(key, answer.at, answer.gate, answer.job, answer.subject, test_set, cost, answer.answer),
                *(answer.outcome, answer.model_dump_json()),
            ),
        ).fetchone()
        return _answer(row)


def of_key(database: Database, key: str) -> GateAnswer | None:
    """The check stored under a key."""
    rows = database.read("SELECT id, document FROM gate_checks WHERE key = ?", key)
    return _answer(rows[0]) if rows else None


def newest(database: Database, gate: str, limit: int) -> list[GateAnswer]:
    """A gate's newest checks first; of all gates when `gate` is empty."""
    sql = "SELECT id, document FROM gate_checks WHERE gate = coalesce(nullif(?, ''), gate) ORDER BY id DESC LIMIT ?"
    return [_answer(row) for row in database.read(sql, gate, limit)]


def spent(database: Database, test_set: str, gate: str = "") -> Spent:
    """What checks took of a test set: those of one gate, or of all when `gate` is empty."""
    sql = (
        "SELECT coalesce(sum(cost), 0) AS share, coalesce(max(outcome = 'pass'), 0) AS passed FROM gate_checks"
        " WHERE test_set = ? AND gate = coalesce(nullif(?, ''), gate)"
    )
    row = database.read(sql, test_set, gate)[0]
    return Spent(float(row["share"]), bool(row["passed"]))


def last_passed(database: Database, gate: str, before: int) -> int | None:
    """The newest job before `before` that passed; None when none did."""
    sql = "SELECT max(job) AS job FROM gate_checks WHERE gate = ? AND outcome = 'pass' AND job < ?"
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


def _answer(row: Row) -> GateAnswer:
    return GateAnswer.model_validate_json(row["document"]).model_copy(update={"id": row["id"]})
