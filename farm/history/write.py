"""From the state file to the history: days that are over, each once; and the tables that still change, as they are."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from farm.history import facts, files, kept
from farm.history.tables import DAILY, KEPT
from farm.store import finished
from farm.store.archive import DAY_S

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from farm.store.artifacts import ArtifactStore
    from farm.store.database import Database

SETTLE_S = 60.0
"""After midnight: what was over before it is committed by then."""


def due(database: Database, folder: Path, now: float) -> list[str]:
    """Days that are over and that the folder does not have, the oldest first; after a restore that is all of them."""
    midnight = now - SETTLE_S - (now - SETTLE_S) % DAY_S
    with database.reading() as db:
        known = {day.day: day for day in finished.days(db)}
        there = list(finished.days_with_runs(db, midnight))
    return [
        day for day in there if day not in known or (known[day].removed is None and not files.has(folder, day))
    ]  # fmt: skip


class BrokenOffError(Exception):
    """The daemon is to end; the day is written by the next one."""


def write_day(
    database: Database,
    artifacts: ArtifactStore,
    folder: Path,
    day: str,
    *,
    stopping: Callable[[], bool] = lambda: False,
) -> bool:
    """Write a day's files, then say so in the state file; False when it has another run by now, and is still due.

    Raises:
        StorageError: no room.
        BrokenOffError: it was `stopping`; nothing is written.
    """
    count = 0
    with contextlib.ExitStack() as stack:
        # Those entered last take their names first: the runs come last.
        writers = {table: stack.enter_context(files.writing(folder, table, day)) for table in DAILY}
        with database.reading() as db:
            for page in finished.of_day(db, artifacts, day):
                if stopping():
                    raise BrokenOffError
                count += len(page)
                rows = facts.rows(page)
                for table, writer in writers.items():
                    if rows[table.name]:
                        writer.add(files.arrow(table, rows[table.name]))
    return finished.record(database, day, count)


def write_kept(database: Database, folder: Path) -> None:
    """Copy the tables that still change."""
    with database.reading() as db:
        db.execute("BEGIN")
        rows = kept.rows(db)
        db.execute("COMMIT")
    for table in KEPT:
        with files.writing(folder, table) as writer:
            writer.add(files.arrow(table, rows[table.name]))


def write(
    database: Database,
    artifacts: ArtifactStore,
    folder: Path,
    now: float,
    *,
    stopping: Callable[[], bool] = lambda: False,
) -> Iterator[str]:
    """Write what is due, day by day, until `stopping`; each day that was written. It goes on where it was broken off.

    Before the last of them go the tables that still change: once it is written nothing is due, whatever dies then.
    """
    with contextlib.suppress(BrokenOffError):
        days = due(database, folder, now)
        for day in days:
            if day == days[-1]:
                write_kept(database, folder)
            if write_day(database, artifacts, folder, day, stopping=stopping):
                yield day
