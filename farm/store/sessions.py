"""Browsers that were let in. Only hashes are kept, as of tokens; a session is as good as the token that opened it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from farm.store.tokens import Token

if TYPE_CHECKING:
    from farm.store.database import Database


class Sessions:
    """The sessions of a state file."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, sha256: str, token_sha256: str, expires: float) -> None:
        """Let the browser with this session in; sessions that are over are forgotten."""
        now = time.time()
        with self._database.write(quiet=True) as db:
            db.execute("DELETE FROM sessions WHERE expires <= ?", (now,))
            db.execute("INSERT INTO sessions VALUES (?, ?, ?, ?)", (sha256, token_sha256, now, expires))

    def token(self, sha256: str) -> Token | None:
        """The token that a session stands for, which may have expired or been revoked; None: no session, or it is over."""
        sql = (
            "SELECT t.name, t.user, t.scope, t.created, t.expires, t.revoked FROM sessions s JOIN tokens t"
            " ON t.sha256 = s.token WHERE s.sha256 = ? AND s.expires > ?"
        )
        rows = self._database.read(sql, sha256, time.time())
        return Token(*rows[0]) if rows else None

    def end(self, sha256: str) -> None:
        """Let it in no more."""
        with self._database.write(quiet=True) as db:
            db.execute("DELETE FROM sessions WHERE sha256 = ?", (sha256,))

    def opener(self, name: str) -> str | None:
        """The sha256 of the token of this name that is not revoked."""
        rows = self._database.read("SELECT sha256 FROM tokens WHERE name = ? AND revoked IS NULL", name)
        return str(rows[0]["sha256"]) if rows else None
