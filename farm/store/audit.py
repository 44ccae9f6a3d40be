"""The audit log: who changed what, and when. A line is written before the change is made, so that none goes unseen."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from farm.store.database import Database

UPLOADS_KEPT_S = 30 * 86400.0
"""Uploads are many, and say little a month later; the other lines stay."""


@dataclass(frozen=True)
class Line:
    """One change, or the attempt."""

    id: int
    at: float
    """Unix seconds."""
    user: str
    token: str
    """The token's name."""
    action: str
    subject: str
    status: int
    """HTTP status of the answer; 0: it was not answered, or not yet."""


class Audit:
    """The audit log of a state file."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self, user: str, token: str, action: str, subject: str) -> int:
        """Write down what is about to be done; the line's id."""
        with self._database.write(quiet=True) as db:
            line = db.execute(
                "INSERT INTO audit (at, user, token, action, subject) VALUES (?, ?, ?, ?, ?)",
                (time.time(), user, token, action, subject),
            ).lastrowid
        assert line is not None  # noqa: S101  # an INSERT has one
        return line

    def end(self, line: int, subject: str, status: int) -> None:
        """Add how it ended."""
        with self._database.write(quiet=True) as db:
            db.execute("UPDATE audit SET subject = ?, status = ? WHERE id = ?", (subject, status, line))

    def newest(self, limit: int) -> list[Line]:
        """The newest lines first."""
        rows = self._database.read(
            "SELECT id, at, user, token, action, subject, status FROM audit ORDER BY id DESC LIMIT ?", limit
        )
        return [Line(*row) for row in rows]

    def trim(self, uploads: str) -> None:
        """Forget old lines of the action `uploads`."""
        with self._database.write(quiet=True) as db:
            db.execute("DELETE FROM audit WHERE action = ? AND at < ?", (uploads, time.time() - UPLOADS_KEPT_S))
