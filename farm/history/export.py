"""The history for other programs: a folder of every table, as Parquet, CSV or lines of JSON."""

from __future__ import annotations

import csv
import json
import shutil
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Literal, cast, get_args

from farm.errors import InputsError, StorageError
from farm.history import files, source
from farm.history.tables import DAILY, DAY, KEPT
from farm.history.worker import cell, plain, values

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pyarrow

    from farm.history.tables import Table

Form = Literal["parquet", "csv", "json"]
FORMATS: tuple[str, ...] = get_args(Form)


@dataclass(frozen=True)
class Exported:
    """What was written."""

    files: int
    rows: int
    bytes: int


def export(data: Path, out: Path, form: str, *, since: str = "", last: str = "") -> Exported:
    """Write the tables of a data folder into `out`, daily ones from the day `since` to `last` (both included; empty: all).

    Days that are written are copied byte by byte as Parquet; the others are read from the state file.

    Raises:
        InputsError: `out` is not empty.
        StorageError: there is no state file, too many runs are not written yet, or there is no room.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputsError("is not empty", where=str(out), remedy="export into a new folder")
    until = (date.fromisoformat(last) + timedelta(days=1)).isoformat() if last else "9999"
    found = source.read(data, since=since, until=until)
    rows = 0
    try:
        for table in DAILY:
            for day in found.written:
                rows += _copy(files.path(data / source.HISTORY, table, day), out, table, day, cast("Form", form))
            for part in found.live[table.name]:
                if len(part):
                    rows += _write(out, table, str(part[DAY][0]), part.drop_columns([DAY]), cast("Form", form))
        for table in KEPT:
            rows += _write(out, table, "", found.kept[table.name], cast("Form", form))
    except OSError as e:
        raise StorageError(f"cannot be written: {e.strerror or e}", where=str(out), remedy="free some space") from e
    made = [file for file in out.rglob("*") if file.is_file()]
    return Exported(len(made), rows, sum(file.stat().st_size for file in made))


def _copy(file: Path, out: Path, table: Table, day: str, form: Form) -> int:
    from pyarrow import parquet

    if form == "parquet":
        to = files.path(out, table, day)
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, to)
        return int(parquet.read_metadata(file).num_rows)
    with parquet.ParquetFile(file) as stored:
        return sum(_append(out, table, day, batch, form) for batch in stored.iter_batches())


def _write(out: Path, table: Table, day: str, part: pyarrow.Table, form: Form) -> int:
    if form == "parquet":
        with files.writing(out, table, day) as writer:
            writer.add(part)
        return len(part)
    return sum(_append(out, table, day, batch, form) for batch in part.to_batches(1000))


def _append(out: Path, table: Table, day: str, batch: pyarrow.RecordBatch, form: Form) -> int:
    """To the table's file of a day; a table of several parts is several such."""
    file = files.path(out, table, day).with_suffix(f".{form}")
    names = [column.name for column in table.columns]
    file.parent.mkdir(parents=True, exist_ok=True)
    fresh = not file.exists()
    with file.open("a", encoding="utf-8", newline="") as to:
        if form == "csv":
            writing = csv.writer(to, lineterminator="\n")
            if fresh:
                writing.writerow(names)
            writing.writerows([cell(value) for value in row] for row in _rows(batch, names))
        else:
            for row in _rows(batch, names):
                told = dict(zip(names, map(plain, row), strict=True))
                to.write(json.dumps(told, ensure_ascii=False, allow_nan=False) + "\n")
    return len(batch)


def _rows(batch: pyarrow.RecordBatch, names: list[str]) -> Iterator[tuple[object, ...]]:
    """In the order of the columns of this version; what an older file lacks is none."""
    there = set(batch.schema.names)
    columns = [values(batch.column(name)) if name in there else [None] * len(batch) for name in names]
    return zip(*columns, strict=True)
