"""The folder of the history: `runs/day=2026-11-22/part-0.parquet` of daily tables, `devices/part-0.parquet` of kept ones.

A file appears under its name whole or not at all, and written again from the same rows it is the same bytes.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from typing import TYPE_CHECKING

from farm.errors import StorageError
from farm.history.tables import DAILY, DAY, RUNS
from farm.store.archive import flush

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import pyarrow
    from pyarrow import parquet

    from farm.history.facts import Row
    from farm.history.tables import Table

NEW = "new-"
PART = "part-0.parquet"
ROW_GROUP = 50_000
"""Rows that are in memory at once, but for a page more."""


def path(folder: Path, table: Table, day: str = "") -> Path:
    """Where a table's file of a day is, or the only file of a kept one."""
    return folder / table.name / f"{DAY}={day}" / PART if day else folder / table.name / PART


def has(folder: Path, day: str) -> bool:
    """Whether a day is there: its runs come last."""
    return path(folder, RUNS, day).is_file()


def size(folder: Path) -> int:
    """Bytes of all files."""
    return sum(file.stat().st_size for file in folder.rglob(PART)) if folder.is_dir() else 0


def arrow(table: Table, rows: Sequence[Row]) -> pyarrow.Table:
    """Rows as a record batch of a table."""
    import pyarrow

    schema = table.schema()
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(schema)
    arrays = [pyarrow.array(column, field.type) for column, field in zip(columns, schema, strict=True)]
    return pyarrow.Table.from_arrays(arrays, schema=schema)


class Parts:
    """A table's rows on their way into a file, in row groups that are quick to read."""

    def __init__(self, writer: parquet.ParquetWriter) -> None:
        self._writer = writer
        self._parts: list[pyarrow.Table] = []

    def add(self, part: pyarrow.Table) -> None:
        """Some more rows."""
        self._parts.append(part)
        if sum(map(len, self._parts)) >= ROW_GROUP:
            self.flush()

    def flush(self) -> None:
        """Write what waits."""
        import pyarrow

        if self._parts:
            self._writer.write_table(pyarrow.concat_tables(self._parts).combine_chunks())
            self._parts = []


@contextlib.contextmanager
def writing(folder: Path, table: Table, day: str = "") -> Iterator[Parts]:
    """A file that takes its name at the end, or is forgotten.

    Raises:
        StorageError: no room.
    """
    from pyarrow import parquet

    final = path(folder, table, day)
    new = folder / f"{NEW}{table.name}{day}"
    try:
        final.parent.mkdir(parents=True, exist_ok=True)
        with new.open("wb") as out:
            with parquet.ParquetWriter(out, table.schema(), compression="zstd", store_schema=True) as writer:
                parts = Parts(writer)
                yield parts
                parts.flush()
            out.flush()
            os.fsync(out.fileno())
        new.replace(final)
        for parent in (final.parent, folder / table.name, folder):
            flush(parent)
    except OSError as e:
        raise StorageError(f"cannot be written: {e.strerror or e}", where=str(final), remedy="free some space") from e
    finally:
        new.unlink(missing_ok=True)


def remove(folder: Path, day: str) -> None:
    """A day's files."""
    for table in DAILY:
        shutil.rmtree(path(folder, table, day).parent, ignore_errors=True)
