"""The one SQLite library of the process, and how connections are opened.

Two copies of the library in one process drop each other's file locks, so nothing else imports one. pysqlite3 comes
first, as sqlite-utils has it: its SQLite is past the WAL-reset bug fixed in 3.51.3.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3
    from pathlib import Path
else:
    try:
        from pysqlite3 import dbapi2 as sqlite3
    except ImportError:  # no wheel for this platform
        import sqlite3

Connection = sqlite3.Connection
Row = sqlite3.Row
IntegrityError = sqlite3.IntegrityError
DatabaseError = sqlite3.DatabaseError

BUSY_MS = 10_000


def connect(file: Path, *, read_only: bool = False) -> Connection:
    """Open `file` in WAL mode; transactions are begun by hand, and a commit is on disk when it returns."""
    is_new = not file.exists() or not file.stat().st_size
    connection = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
    connection.row_factory = Row
    for pragma in (
        f"busy_timeout = {BUSY_MS}",
        *(["auto_vacuum = INCREMENTAL"] if is_new else []),  # before the first page is written: see space.py
        "journal_mode = WAL",
        "synchronous = FULL",
        "foreign_keys = ON",
        f"query_only = {'ON' if read_only else 'OFF'}",
    ):
        connection.execute(f"PRAGMA {pragma}").fetchall()
    return connection
