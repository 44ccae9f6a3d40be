"""Pages of the state file that nothing is in any more, given back to the disk.

SQLite takes freed pages again, and alone never makes a file smaller. A file made by this version can be cut at its end, some
pages at a time, beside everything else; one of an older version once it was written anew.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from farm.errors import StorageError

if TYPE_CHECKING:
    from farm.store import sqlite
    from farm.store.database import Database

SLICE = 1000
"""Pages that are given back in one transaction: others wait for it."""
KEPT = 4000
"""Pages that stay free: the next runs take them."""
INCREMENTAL = 2
"""SQLite's number for a file that can be cut."""


@dataclass(frozen=True)
class Space:
    """Of the state file, in bytes."""

    bytes: int
    free: int
    """In pages with nothing in them."""


def space(database: Database) -> Space:
    """How large it is, and how much of that is free."""
    with database.reading() as db:
        return _space(db)


def give_back(database: Database) -> int:
    """Cut up to `SLICE` free pages off, beyond those that are kept; their bytes. A file that cannot be cut stays as it is."""
    with database.write(quiet=True) as db:
        pages = min(SLICE, _number(db, "freelist_count") - KEPT)
        if pages <= 0 or _number(db, "auto_vacuum") != INCREMENTAL:
            return 0
        before = _space(db)
        db.execute(f"PRAGMA incremental_vacuum({pages})").fetchall()
        return before.bytes - _space(db).bytes


def rewrite(database: Database) -> tuple[Space, Space]:
    """Write the whole file anew, as small as it can be; what it was and what it is. Who writes waits meanwhile.

    Whatever dies meanwhile, the file is as it was or as it is to be.

    Raises:
        StorageError: runs are under way, whose leases must not wait; or there is no room for a second copy of it.
    """
    file = database.file
    with database.alone() as db:
        leases = db.execute("SELECT count(*) FROM leases").fetchone()[0]
        if leases:
            raise StorageError(
                f"cannot be written anew while {leases} runs are under way", where=str(file), remedy="try again later"
            )
        before = _space(db)
        needed, free = 2 * (before.bytes - before.free), shutil.disk_usage(file.parent).free
        if free < needed:  # the copy, and the log through which it takes the file's place
            raise StorageError(
                f"{free >> 20} MiB are free, and {needed >> 20} are needed to write it anew", where=str(file),
                remedy="free some space",
            )  # fmt: skip
        db.execute("PRAGMA auto_vacuum = INCREMENTAL")
        db.execute("VACUUM")
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        return before, _space(db)


def _space(db: sqlite.Connection) -> Space:
    page = _number(db, "page_size")
    return Space(_number(db, "page_count") * page, _number(db, "freelist_count") * page)


def _number(db: sqlite.Connection, pragma: str) -> int:
    return int(db.execute(f"PRAGMA {pragma}").fetchone()[0])
