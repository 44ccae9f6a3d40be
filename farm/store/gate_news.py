"""Answers of gates that are to be told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from farm.store.database import Database
    from farm.store.sqlite import Row

_CHECK = (
    "SELECT g.id, g.at, g.gate, g.subject, g.outcome, g.document ->> '$.summary' AS summary, g.job FROM gate_checks g"
)


@dataclass(frozen=True)
class Check:
    """One answer of a gate. `at` is in Unix seconds."""

    id: int
    at: float
    gate: str
    subject: str
    """What was checked: a commit, a job."""
    outcome: Literal["pass", "fail", "undecided"]
    """The answer, or what the gate's mode makes of it: what scripts go by."""
    summary: str
    """Why, in a sentence."""
    job: int


def untold(database: Database, since: float, *, after: int) -> list[Check]:
    """Checks numbered beyond `after` that failed after `since` (Unix seconds) and nobody was told of, the oldest first."""
    rows = database.read(
        f"{_CHECK} WHERE g.id > ? AND g.at > ? AND g.outcome = 'fail'"  # noqa: S608  # of constants
        " AND NOT EXISTS (SELECT 1 FROM told WHERE key = 'gate ' || g.id) ORDER BY g.id",
        after,
        since,
    )
    return [_check(row) for row in rows]


def changed(database: Database, since: float, until: float) -> list[Check]:
    """Of each gate that was checked in (since, until], Unix seconds, the newest answer.

    A pass is told only where the newest answer before that time was none.
    """
    rows = database.read(
        f"{_CHECK} WHERE g.id IN (SELECT max(id) FROM gate_checks WHERE at > ?1 AND at <= ?2 GROUP BY gate)"  # noqa: S608
        " AND (g.outcome <> 'pass' OR 'pass' <> (SELECT b.outcome FROM gate_checks b WHERE b.gate = g.gate"
        " AND b.at <= ?1 ORDER BY b.at DESC LIMIT 1)) ORDER BY g.id",
        since,
        until,
    )
    return [_check(row) for row in rows]


def tally(database: Database, gate: str, since: float, until: float) -> tuple[int, int]:
    """How often a gate was checked in (since, until], and how often it failed."""
    found = database.read(
        "SELECT count(*) AS checks, coalesce(sum(outcome = 'fail'), 0) AS failed FROM gate_checks"
        " WHERE gate = ? AND at > ? AND at <= ?",
        gate,
        since,
        until,
    )[0]
    return found["checks"], found["failed"]


def _check(row: Row) -> Check:
    return Check(row["id"], row["at"], row["gate"], row["subject"], row["outcome"], row["summary"], row["job"])
