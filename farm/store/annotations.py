"""What people wrote beside their series, in the state file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from farm.trend.annotation import Annotation

if TYPE_CHECKING:
    from farm.store.database import Database
    from farm.trend.annotation import Kind


def add(database: Database, *, at: float, kind: Kind, text: str, model: str, serial: str, user: str) -> Annotation:
    """Write one down. `at` is in Unix seconds."""
    with database.write() as db:
        number = db.execute(
            "INSERT INTO annotations (at, kind, text, model, serial, user) VALUES (?, ?, ?, ?, ?, ?)",
            (at, kind, text, model, serial, user),
        ).lastrowid
    assert number is not None  # noqa: S101  # an INSERT has one
    return Annotation(id=number, at=at, kind=kind, text=text, model=model, serial=serial, user=user)


def remove(database: Database, number: int) -> bool:
    """Forget one; whether it was there."""
    with database.write() as db:
        return bool(db.execute("DELETE FROM annotations WHERE id = ? RETURNING id", (number,)).fetchall())


def find(
    database: Database,
    *,
    model: str = "",
    serial: str = "",
    since: float = 0.0,
    until: float | None = None,
    limit: int = 1000,
) -> list[Annotation]:
    """The newest `limit` between two moments (Unix seconds), the oldest first: of this model and device, or of all of them."""
    rows = database.read(
        "SELECT id, at, kind, text, model, serial, user FROM annotations WHERE at >= ?1 AND at <= coalesce(?2, 9e15)"
        " AND (?3 = '' OR model IN ('', ?3)) AND (?4 = '' OR serial IN ('', ?4)) ORDER BY at DESC, id DESC LIMIT ?5",
        *(since, until, model, serial, limit),
    )
    return [Annotation(**dict(row)) for row in reversed(rows)]
