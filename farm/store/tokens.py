"""Who may come in: tokens, by their hash."""

from __future__ import annotations

from typing import TYPE_CHECKING

from farm.store.database import now

if TYPE_CHECKING:
    from farm.store.database import Database


class Tokens:
    """The tokens of a state file."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, sha256: str, name: str) -> None:
        """Let the token of this hash in; one that is known stays as it is."""
        with self._database.write() as db:
            db.execute("INSERT OR IGNORE INTO tokens (sha256, name, created) VALUES (?, ?, ?)", (sha256, name, now()))

    def knows(self, sha256: str) -> bool:
        """Whether the token of this hash is let in."""
        return bool(self._database.read("SELECT 1 FROM tokens WHERE sha256 = ?", sha256))
