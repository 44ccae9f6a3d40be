"""What a question is asked of: the files of the days that are written, and the rest as the state file has it now.

A run is in exactly one of the two: what the state file says of its days, read in one transaction, parts them. The rest is read
by the process that asks (Arrow in its memory), not by the daemon, and not exported to files first: nothing to clean up, no
copy that is older than the question, and a long day costs the daemon nothing.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from farm.errors import StorageError
from farm.history import facts, files, kept
from farm.history.tables import DAILY, DAY, KEPT
from farm.store import finished, sqlite
from farm.store.artifacts import ArtifactStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pyarrow
    from pyarrow import dataset

    from farm.history.tables import Table

LIVE = 20_000
"""Runs of days that are not written: one day of a busy lab."""
HISTORY, STATE, ARTIFACTS = "history", "state.db", "artifacts"


@dataclass(frozen=True)
class Source:
    """Of one moment."""

    written: tuple[str, ...]
    """Days whose files are asked."""
    live: dict[str, list[pyarrow.Table]]
    """By the daily table's name: rows of the other days, a table for each."""
    kept: dict[str, pyarrow.Table]


def read(data: Path, *, since: str = "", until: str = "9999") -> Source:
    """The history of a data folder as of now; daily tables from the day `since` on, up to before `until`.

    Raises:
        StorageError: there is no state file, it cannot be read, or more than `LIVE` runs are not written yet.
    """
    state = data / STATE
    if not state.is_file():
        raise StorageError("there is no state file", where=str(state), remedy="name the farm's `data` folder")
    try:
        with contextlib.closing(sqlite.connect(state, read_only=True)) as db:
            db.execute("BEGIN")
            return _read(db, data, since, until)
    except sqlite.DatabaseError as e:
        raise StorageError(str(e), where=str(state), remedy="see `farm check`") from e


def _read(db: sqlite.Connection, data: Path, since: str, until: str) -> Source:
    folder = data / HISTORY
    known = [day for day in finished.days(db) if since <= day.day < until]
    written = tuple(day.day for day in known if day.removed is None and files.has(folder, day.day))
    done = {*written, *(day.day for day in known if day.removed is not None)}
    rest = [day for day in finished.days_with_runs(db) if since <= day < until and day not in done]
    count = sum(finished.count(db, day) for day in rest)
    if count > LIVE:
        what = f"{count} runs of {len(rest)} days are not in the history yet"
        raise StorageError(what, where=str(folder), remedy="farm history write")
    live: dict[str, list[pyarrow.Table]] = {table.name: [] for table in DAILY}
    for day in rest:
        for name, part in _live(db, ArtifactStore(data / ARTIFACTS), day):
            live[name].append(part)
    return Source(written, live, {t.name: files.arrow(t, rows) for t, rows in _kept(db)})


def _live(db: sqlite.Connection, artifacts: ArtifactStore, day: str) -> Iterator[tuple[str, pyarrow.Table]]:
    """By the daily table's name: what it has of a day."""
    import pyarrow

    parts: dict[str, list[pyarrow.Table]] = {table.name: [] for table in DAILY}
    for page in finished.of_day(db, artifacts, day):
        rows = facts.rows(page)
        for table in DAILY:
            parts[table.name].append(files.arrow(table, rows[table.name]))
    for table in DAILY:
        whole = pyarrow.concat_tables(parts[table.name])
        days = pyarrow.array([date.fromisoformat(day)] * len(whole), pyarrow.date32())
        yield table.name, whole.append_column(table.schema(day=True).field(DAY), days)


def _kept(db: sqlite.Connection) -> Iterator[tuple[Table, list[facts.Row]]]:
    rows = kept.rows(db)
    for table in KEPT:
        yield table, rows[table.name]


def datasets(data: Path, source: Source) -> dict[str, dataset.Dataset]:
    """By the table's name: its files and its live rows as one, with the columns of this version, whatever the files have."""
    import pyarrow
    from pyarrow import dataset

    by_day = dataset.partitioning(pyarrow.schema([(DAY, pyarrow.date32())]), flavor="hive")
    found: dict[str, dataset.Dataset] = {}
    for table in DAILY:
        schema = table.schema(day=True)
        live = pyarrow.concat_tables([schema.empty_table(), *source.live[table.name]])
        stored = dataset.dataset(
            [str(files.path(data / HISTORY, table, day)) for day in source.written], schema=schema, format="parquet",
            partitioning=by_day, partition_base_dir=str(data / HISTORY / table.name),
        )  # fmt: skip
        found[table.name] = dataset.dataset([stored, dataset.dataset(live)])
    return found | {table.name: dataset.dataset(source.kept[table.name]) for table in KEPT}
