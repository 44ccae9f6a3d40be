"""How much there is of what, for the lab's figures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from farm.store.database import Database


@dataclass(frozen=True)
class Tally:
    """Jobs and runs by status, leases, and the newest event's number."""

    jobs: dict[str, int]
    runs: dict[str, int]
    leases: int
    newest_event: int


def tally(database: Database) -> Tally:
    """Count, by the indices alone."""
    with database.reading() as db:
        jobs = db.execute("SELECT status, count(*) FROM jobs GROUP BY status").fetchall()
        runs = db.execute("SELECT status, count(*) FROM runs GROUP BY status").fetchall()
        leases = db.execute("SELECT count(*) FROM leases").fetchone()[0]
        newest = db.execute("SELECT coalesce(max(id), 0) FROM events").fetchone()[0]
    return Tally(dict(map(tuple, jobs)), dict(map(tuple, runs)), leases, newest)


def kinds(database: Database, after: int, until: int) -> dict[str, int]:
    """Events by kind, of those numbered after `after` up to `until`."""
    rows = database.read("SELECT kind, count(*) FROM events WHERE id > ? AND id <= ? GROUP BY kind", after, until)
    return dict(map(tuple, rows))
