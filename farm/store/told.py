"""What people are told: each message once, and its delivery to each address, which may take several attempts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable

    from farm.store.database import Database
    from farm.store.sqlite import Connection, Row

Kind = Literal["digest", "gate", "asked"]
"""`asked`: a digest that somebody wanted now; the next one says the same again."""
_COLUMNS = (
    "SELECT d.id, t.key, t.kind, t.at, t.title, t.text, t.html, t.urgent, d.target, d.attempts, d.not_before, d.began,"
    " d.ended, d.sent, d.error FROM deliveries d JOIN told t ON t.id = d.told"
)


@dataclass(frozen=True)
class Word:
    """A message to be told once. Times are Unix seconds, as all below."""

    key: str
    """Under which it is told once: `digest 2026-11-22`, `gate 12`."""
    kind: Kind
    at: float
    """What it says holds up to then."""
    title: str
    text: str
    html: str
    urgent: bool = False
    """Not held by quiet hours."""


@dataclass(frozen=True)
class Delivery:
    """A message on its way to one address."""

    id: int
    word: Word
    target: str
    """Its name in farm.toml, which holds no secret."""
    attempts: int
    not_before: float
    began: float | None
    """An attempt whose end is not known."""
    ended: float | None
    """When it was sent or given up."""
    sent: bool
    error: str
    """Of the last attempt."""


class Told:
    """The messages of a state file."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, word: Word, targets: Iterable[str]) -> bool:
        """Have a message sent to `targets`, in one transaction; False when its key was told before."""
        with self._database.write(quiet=True) as db:
            return add(db, word, targets)

    def knows(self, key: str) -> bool:
        """Whether a message of this key was told, or is on its way."""
        return bool(self._database.read("SELECT 1 FROM told WHERE key = ?", key))

    def last(self, kind: Kind) -> float | None:
        """Up to when the newest message of a kind says what happened."""
        found = self._database.read("SELECT max(at) AS at FROM told WHERE kind = ?", kind)[0]["at"]
        return None if found is None else float(found)

    def waiting(self, now: float) -> list[Delivery]:
        """Deliveries that are not over and whose back-off is, what is urgent first, then the oldest."""
        return [
            _delivery(row)
            for row in self._database.read(
                f"{_COLUMNS} WHERE d.ended IS NULL AND (d.not_before <= ? OR d.began IS NOT NULL) ORDER BY t.urgent DESC, d.id",
                now,
            )
        ]

    def begin(self, delivery: int, now: float) -> None:
        """An attempt begins: until its end is known, nobody tries again."""
        with self._database.write(quiet=True) as db:
            db.execute("UPDATE deliveries SET began = ?, attempts = attempts + 1 WHERE id = ?", (now, delivery))

    def succeed(self, delivery: int, now: float) -> None:
        """It was taken by who forwards it."""
        self._end(delivery, now, sent=True, error="")

    def fail(self, delivery: int, now: float, error: str, *, again: float | None) -> None:
        """An attempt failed; it is made again from the moment `again` on, or never when that is None."""
        if again is None:
            self._end(delivery, now, sent=False, error=error)
            return
        with self._database.write(quiet=True) as db:
            db.execute(
                "UPDATE deliveries SET began = NULL, not_before = ?, error = ? WHERE id = ?", (again, error, delivery)
            )

    def newest(self, limit: int) -> list[Delivery]:
        """The newest messages, each with a row for each address it goes to; up to `limit` rows."""
        return [_delivery(row) for row in self._database.read(f"{_COLUMNS} ORDER BY d.told DESC, d.id LIMIT ?", limit)]

    def _end(self, delivery: int, now: float, *, sent: bool, error: str) -> None:
        with self._database.write(quiet=True) as db:
            db.execute(
                "UPDATE deliveries SET began = NULL, ended = ?, sent = ?, error = ? WHERE id = ?",
                (now, sent, error, delivery),
            )


def add(db: Connection, word: Word, targets: Iterable[str]) -> bool:
    """As Told.add, within the transaction of what caused the message."""
    told = db.execute(
        "INSERT INTO told (key, kind, at, title, text, html, urgent) VALUES (?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (key) DO NOTHING RETURNING id",
        (word.key, word.kind, word.at, word.title, word.text, word.html, word.urgent),
    ).fetchall()
    for row in told:
        for target in targets:
            db.execute("INSERT INTO deliveries (told, target) VALUES (?, ?)", (row["id"], target))
    return bool(told)


def counts(database: Database) -> dict[str, int]:
    """Deliveries by how they stand: waiting, sent, given up."""
    rows = database.read(
        "SELECT CASE WHEN ended IS NULL THEN 'waiting' WHEN sent THEN 'sent' ELSE 'given up' END AS state,"
        " count(*) AS number FROM deliveries GROUP BY state"
    )
    return {"waiting": 0, "sent": 0, "given up": 0} | {row["state"]: row["number"] for row in rows}


def _delivery(row: Row) -> Delivery:
    word = Word(row["key"], row["kind"], row["at"], row["title"], row["text"], row["html"], bool(row["urgent"]))
    return Delivery(
        row["id"], word, row["target"], row["attempts"], row["not_before"], row["began"], row["ended"],
        bool(row["sent"]), row["error"],
    )  # fmt: skip
