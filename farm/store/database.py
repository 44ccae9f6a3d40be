"""The state file's connections: one writes, under a lock, in immediate transactions; reads have connections of their own.

Each method of the stores above it is one transaction, so that the process may be killed between any two statements.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from farm.errors import DaemonError, StorageError
from farm.store import schema, sqlite

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

log = logging.getLogger(__name__)


class Reader:
    """The state file for who only reads it, be it in another process than the daemon's. Safe for many threads."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._readers: queue.LifoQueue[sqlite.Connection] = queue.LifoQueue()
        self._closed = False

    def close(self) -> None:
        """Close the file; what comes after is refused."""
        self._closed = True
        with contextlib.suppress(queue.Empty):
            while True:
                self._readers.get_nowait().close()

    @contextlib.contextmanager
    def reading(self) -> Iterator[sqlite.Connection]:
        """A connection that only reads."""
        with typed_errors(self.file):
            try:
                connection = self._readers.get_nowait()
            except queue.Empty:
                if self._closed:
                    raise _is_closed() from None
                connection = sqlite.connect(self.file, read_only=True)
            try:
                yield connection
            finally:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                if self._closed:
                    connection.close()
                else:
                    self._readers.put(connection)

    def read(self, sql: str, *values: Any) -> list[sqlite.Row]:
        """The rows of one query."""
        with self.reading() as db:
            return db.execute(sql, values).fetchall()


class Database(Reader):
    """The state file of one data folder. Safe for many threads; one process at a time (the daemon's lock sees to it).

    Every method raises StorageError when the disk is full or broken, and DaemonError after `close`.
    """

    def __init__(self, file: Path) -> None:
        super().__init__(file)
        self._lock = threading.RLock()
        with typed_errors(file):
            schema.migrate(file)
            self._writer = sqlite.connect(file)
        self.version = 0
        """Grows with every change that somebody may have to look at."""

    def close(self) -> None:
        """Close the file; what comes after is refused."""
        with self._lock:
            self._closed = True
            self._writer.close()
        super().close()

    @contextlib.contextmanager
    def write(self, *, quiet: bool = False) -> Iterator[sqlite.Connection]:
        """A transaction that is committed at the end, or not at all; a `quiet` one leaves `version` as it is."""
        with self._lock, typed_errors(self.file):
            if self._closed:
                raise _is_closed()
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                yield self._writer
                self._writer.execute("COMMIT")
                self.version += not quiet
            except BaseException:
                if self._writer.in_transaction:
                    self._writer.execute("ROLLBACK")
                raise

    @contextlib.contextmanager
    def alone(self) -> Iterator[sqlite.Connection]:
        """The connection that writes, outside of a transaction; all others that would write wait."""
        with self._lock, typed_errors(self.file):
            if self._closed:
                raise _is_closed()
            yield self._writer


def _is_closed() -> DaemonError:
    return DaemonError("the daemon is shutting down", remedy="try again")


@contextlib.contextmanager
def typed_errors(file: Path) -> Iterator[None]:
    """SQLite's errors as ours; a broken constraint is for the caller."""
    try:
        yield
    except sqlite.IntegrityError:
        raise
    except sqlite.DatabaseError as e:
        raise StorageError(str(e), where=str(file), remedy="free some space and check the disk") from e


def record(
    db: sqlite.Connection,
    kind: str,
    *,
    job: int | None = None,
    run: int | None = None,
    serial: str = "",
    detail: str = "",
) -> None:
    """Write down what happened, for the job's history and the daemon's log."""
    log.info("%s%s", kind, f": {detail}" if detail else "", extra={"job": job, "run": run, "serial": serial})
    db.execute(
        "INSERT INTO events (at, kind, job, run, detail)"
        " VALUES (?, ?, coalesce(?, (SELECT job FROM runs WHERE id = ?)), ?, ?)",
        (now(), kind, job, run, run, detail),
    )


def now() -> str:
    """UTC, ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")
