"""A tab-separated table: the class of each input, or the values a regression should give."""

from __future__ import annotations

import csv
import io
import math
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from farm.errors import InputsError
from farm.truth.contract import Truth

if TYPE_CHECKING:
    from pathlib import Path

    Rows = list[tuple[int, list[str]]]

LABEL_COLUMNS = ("label", "index", "class")
FILE_COLUMNS = ("file", "filename", "name", "image")
VALUE_COLUMN = re.compile(r"value(?:_([0-9]{1,4}))?")
LIMIT_BYTES = 64 << 20
LIMIT_METADATA, LIMIT_CELL = 16, 64
"""Columns, and characters of a cell, that are kept of what else is known of a frame."""


def read(path: Path, classes: int | None) -> Truth:
    """Read a table.

    The first line names the columns: `file`, and the class index as `label` (or `index`, `class`, or
    `index_<classes>` where several numberings stand side by side, of which the one with the model's number of
    classes is taken); or the values of a regression as `value`, or `value_0`, `value_1`, ... Without a header: file, tab, index.
    A `name` column beside `file` gives class names; further columns are metadata of the frames.

    Raises:
        InputsError: naming the line.
    """
    rows = _rows(path)
    header, body = _header(path, rows, classes)
    by_file: dict[str, dict[str, object]] = {}
    names: dict[int, str] = {}
    for number, row in body:
        where = f"{path}:{number}"
        if len(row) <= max(header.file, *header.cells):
            raise InputsError(f"has {len(row)} columns", where=where, remedy="separate the columns by tabs")
        file, cells = row[header.file], [row[c].strip() for c in header.cells]
        if file in by_file:
            raise InputsError(f"{file} is labelled twice", where=where, remedy="keep one of the lines")
        told = {
            name: row[c].strip()[:LIMIT_CELL] for name, c in header.metadata.items() if len(row) > c and row[c].strip()
        }
        more = {"metadata": told} if told else {}
        if header.values:
            by_file[file] = {"values": tuple(_value(cell, where) for cell in cells), **more}
            continue
        label = _index(cells[0], where)
        by_file[file] = {"label": label, **more}
        if header.name is not None and len(row) > header.name:
            names[label] = row[header.name]
    return Truth(path=path, task="regression" if header.values else "classification", by_file=by_file, names=names)


@dataclass(frozen=True)
class _Header:
    file: int
    cells: tuple[int, ...]
    """Columns of the truth."""
    values: bool
    """They are values, not a class."""
    name: int | None
    metadata: dict[str, int] = field(default_factory=dict)


def _rows(path: Path) -> Rows:
    try:
        raw = path.read_bytes()
        text = raw.decode("utf-8-sig")
    except OSError as e:
        raise InputsError(f"cannot be read: {e.strerror}", where=str(path), remedy="check the path") from e
    except UnicodeDecodeError as e:
        raise InputsError("is not UTF-8 text", where=str(path), remedy="save it as UTF-8") from e
    if len(raw) > LIMIT_BYTES:
        raise InputsError(f"is larger than {LIMIT_BYTES >> 20} MiB", where=str(path), remedy="split it")
    try:
        rows = [(n, row) for n, row in enumerate(csv.reader(io.StringIO(text), delimiter="\t"), 1) if row]
    except csv.Error as e:
        raise InputsError(f"is not a table ({e})", where=str(path), remedy="one line a file: name, tab, class") from e
    if not rows:
        raise InputsError("is empty", where=str(path), remedy="one line a file: name, tab, class index")
    return rows


def _header(path: Path, rows: Rows, classes: int | None) -> tuple[_Header, Rows]:
    first = [cell.strip().lower() for cell in rows[0][1]]
    file = next((first.index(c) for c in FILE_COLUMNS if c in first), None)
    if file is None:
        if len(first) >= 2 and first[1].isdigit():
            return _Header(0, (1,), values=False, name=None), rows
        raise InputsError(
            f"has no column named file (it has: {', '.join(first)})",
            where=f"{path}:1",
            remedy="name the columns in the first line: file, tab, label",
        )
    values = _value_columns(path, first)
    if values:
        return _Header(file, values, values=True, name=None, metadata=_metadata(first, {file, *values})), rows[1:]
    wanted = [*LABEL_COLUMNS, *([f"index_{classes}"] if classes is not None else [])]
    label = next((first.index(c) for c in wanted if c in first), None)
    if label is None:
        raise InputsError(
            f"has no label column (it has: {', '.join(first)})",
            where=f"{path}:1",
            remedy=f"name the class index column one of: {', '.join(wanted)}; or value columns value_0, value_1, ...",
        )
    name = first.index("name") if "name" in first and first.index("name") != file else None
    used = {file, label} | ({name} if name is not None else set())
    return _Header(file, (label,), values=False, name=name, metadata=_metadata(first, used)), rows[1:]


def _metadata(first: list[str], used: set[int]) -> dict[str, int]:
    """Columns that are neither truth nor another numbering of the classes."""
    free = {cell[:LIMIT_CELL]: i for i, cell in enumerate(first) if i not in used and cell}
    free = {
        cell: i for cell, i in free.items() if cell not in LABEL_COLUMNS and not re.fullmatch(r"index_[0-9]+", cell)
    }
    return dict(list(free.items())[:LIMIT_METADATA])


def _value_columns(path: Path, first: list[str]) -> tuple[int, ...]:
    """Where the values stand, in their order; empty where there are none."""
    found = {match[1]: i for i, cell in enumerate(first) if (match := VALUE_COLUMN.fullmatch(cell))}
    wanted = [None] if None in found else [str(i) for i in range(len(found))]
    if sorted(map(str, found)) != sorted(map(str, wanted)) or len(found) != sum(map(_is_value, first)):
        raise InputsError(
            f"has the value columns {', '.join(filter(_is_value, first))}",
            where=f"{path}:1",
            remedy="name one column value, or several value_0, value_1, ... without a gap",
        )
    return tuple(found[key] for key in wanted)


def _is_value(cell: str) -> bool:
    return VALUE_COLUMN.fullmatch(cell) is not None


def _index(cell: str, where: str) -> int:
    if not (cell.isascii() and cell.isdigit() and len(cell) < 10):
        raise InputsError(f"label {cell!r} is not a class index", where=where, remedy="give the index, from 0")
    return int(cell)


def _value(cell: str, where: str) -> float:
    try:
        value = float(cell)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise InputsError(f"value {cell!r} is not a number", where=where, remedy="give a finite decimal number")
    return value
