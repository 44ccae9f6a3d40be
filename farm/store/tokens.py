"""Who may come in: tokens, by their hash. A token has 256 random bits, so a plain hash is enough, and a look-up by hash
tells a guesser nothing by its time."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from farm.store import sqlite
from farm.store.database import now

if TYPE_CHECKING:
    from farm.scopes import Scope
    from farm.store.database import Database

OWN = "local"
"""Name of the data folder's own token."""
_COLUMNS = "name, user, scope, created, expires, revoked"


@dataclass(frozen=True)
class Token:
    """A token as the lab knows it; times in Unix seconds."""

    name: str
    user: str
    scope: Scope
    created: str
    expires: float | None
    revoked: float | None

    def state(self, at: float) -> Literal["valid", "expired", "revoked"]:
        """Whether it lets its bearer in at `at`."""
        if self.revoked is not None:
            return "revoked"
        return "expired" if self.expires is not None and self.expires <= at else "valid"


class Tokens:
    """The tokens of a state file."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add_own(self, sha256: str, user: str) -> None:
        """Let the data folder's own token in, for everything; an earlier one of the folder is forgotten."""
        with self._database.write(quiet=True) as db:
            db.execute("DELETE FROM tokens WHERE name = ?", (OWN,))
            db.execute(
                "INSERT INTO tokens (sha256, name, created, scope, user) VALUES (?, ?, ?, 'admin', ?)",
                (sha256, OWN, now(), user),
            )

    def add(self, sha256: str, name: str, user: str, scope: Scope, expires: float | None) -> Token | None:
        """Let the token of this hash in; None when another one that is not revoked has this name."""
        try:
            with self._database.write(quiet=True) as db:
                row = db.execute(
                    "INSERT INTO tokens (sha256, name, created, scope, user, expires) VALUES (?, ?, ?, ?, ?, ?)"
                    " RETURNING name, user, scope, created, expires, revoked",
                    (sha256, name, now(), scope, user, expires),
                ).fetchall()[0]
        except sqlite.IntegrityError:
            return None
        return Token(*row)

    def find(self, sha256: str) -> Token | None:
        """The token of this hash, though it may have expired or been revoked."""
        rows = self._database.read(f"SELECT {_COLUMNS} FROM tokens WHERE sha256 = ?", sha256)  # noqa: S608  # our words
        return Token(*rows[0]) if rows else None

    def all(self) -> list[Token]:
        """The newest first."""
        rows = self._database.read(f"SELECT {_COLUMNS} FROM tokens ORDER BY created DESC, name")  # noqa: S608  # our words
        return [Token(*row) for row in rows]

    def revoke(self, name: str) -> Token | None:
        """End the token of this name for good; None when there is none that is not revoked."""
        with self._database.write(quiet=True) as db:
            rows = db.execute(
                f"UPDATE tokens SET revoked = ? WHERE name = ? AND revoked IS NULL RETURNING {_COLUMNS}",  # noqa: S608
                (time.time(), name),
            ).fetchall()
        return Token(*rows[0]) if rows else None
