"""A folder of inputs and a table of labels, as a user has them, into frames of a submission."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

from farm.errors import InputsError
from farm.store.artifacts import sha256_of
from farm.submission import InputFrame

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

IMAGES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".webp", ".ppm", ".gif", ".tif", ".tiff"})
TENSORS = frozenset({".npy"})
LABEL_COLUMNS = ("label", "index", "class")
FILE_COLUMNS = ("file", "filename", "name", "image")
LIMIT_BYTES = 64 << 20


@dataclass(frozen=True)
class Labels:
    """A label table: class index by file name, and class names where a `name` column gives them."""

    by_file: dict[str, int]
    names: dict[int, str]
    path: Path


def discover(folder: Path) -> list[Path]:
    """The pictures and .npy tensors of a folder (or the one file named), sorted by name.

    Where it holds none itself, its folders of .npy tensors: each is a frame of a model with several inputs.

    Raises:
        InputsError: nothing there that can be an input, or both kinds mixed.
    """
    if folder.is_file():
        return [folder]
    if not folder.is_dir():
        raise InputsError(
            "no such folder", where=str(folder), remedy="give --inputs a folder of pictures or .npy tensors"
        )
    files = sorted(p for p in folder.iterdir() if p.is_file() and p.suffix.lower() in IMAGES | TENSORS)
    files = files or sorted(p for p in folder.iterdir() if p.is_dir() and parts(p))
    if not files:
        known = " ".join(sorted(IMAGES | TENSORS))
        raise InputsError("holds no inputs", where=str(folder), remedy=f"files that count: {known}")
    if len({p.suffix.lower() in TENSORS for p in files if p.is_file()}) > 1:
        raise InputsError(
            "mixes pictures and .npy tensors", where=str(folder), remedy="keep them in folders of their own"
        )
    return files


def parts(path: Path) -> list[Path]:
    """The files of one frame: one, or those of a folder, one for each input of the model, in the order of their names."""
    if not path.is_dir():
        return [path]
    return sorted(p for p in path.iterdir() if p.is_file() and p.suffix.lower() in TENSORS)


def frames(files: Sequence[Path], labels: Labels | None) -> list[InputFrame]:
    """Frames of a submission, hashed and labelled.

    Raises:
        InputsError: the label table and the files do not name each other.
    """
    if labels is not None:
        _match(files, labels)
    return [
        InputFrame(
            name=path.name,
            kind="tensor" if path.is_dir() or path.suffix.lower() in TENSORS else "image",
            sha256=tuple(sha256_of(part) for part in parts(path)),
            label=None if labels is None else labels.by_file[path.name],
        )
        for path in files
    ]


def read_labels(path: Path, classes: int | None) -> Labels:
    """Read a tab-separated label table.

    The first line names the columns: `file`, and the class index as `label` (or `index`, `class`, or
    `index_<classes>` where several numberings stand side by side, of which the one with the model's number of
    classes is taken). Without a header: file, tab, index. A `name` column beside `file` gives class names.

    Raises:
        InputsError: naming the line.
    """
    try:
        raw = path.read_bytes()
        text = raw.decode("utf-8-sig")
    except OSError as e:
        raise InputsError(f"cannot be read: {e.strerror}", where=str(path), remedy="check the path") from e
    except UnicodeDecodeError as e:
        raise InputsError("is not UTF-8 text", where=str(path), remedy="save it as UTF-8") from e
    if len(raw) > LIMIT_BYTES:
        raise InputsError(f"is larger than {LIMIT_BYTES >> 20} MiB", where=str(path), remedy="split it")
    rows = [(n, row) for n, row in enumerate(csv.reader(io.StringIO(text), delimiter="\t"), 1) if row]
    if not rows:
        raise InputsError("is empty", where=str(path), remedy="one line a file: name, tab, class index")
    header, body = _header(path, rows, classes)
    by_file: dict[str, int] = {}
    names: dict[int, str] = {}
    for number, row in body:
        where = f"{path}:{number}"
        if len(row) <= max(header.file, header.label):
            raise InputsError(f"has {len(row)} columns", where=where, remedy="separate the columns by tabs")
        file, cell = row[header.file], row[header.label].strip()
        if not (cell.isascii() and cell.isdigit()):
            raise InputsError(f"label {cell!r} is not a class index", where=where, remedy="give the index, from 0")
        if file in by_file:
            raise InputsError(f"{file} is labelled twice", where=where, remedy="keep one of the lines")
        by_file[file] = int(cell)
        if header.name is not None and len(row) > header.name:
            names[int(cell)] = row[header.name]
    return Labels(by_file, names, path)


@dataclass(frozen=True)
class _Header:
    file: int
    label: int
    name: int | None


def _header(
    path: Path, rows: list[tuple[int, list[str]]], classes: int | None
) -> tuple[_Header, list[tuple[int, list[str]]]]:
    first = [cell.strip().lower() for cell in rows[0][1]]
    file = next((first.index(c) for c in FILE_COLUMNS if c in first), None)
    if file is None:
        if len(first) >= 2 and first[1].isdigit():
            return _Header(0, 1, None), rows
        raise InputsError(
            f"has no column named file (it has: {', '.join(first)})",
            where=f"{path}:1",
            remedy="name the columns in the first line: file, tab, label",
        )
    wanted = [*LABEL_COLUMNS, *([f"index_{classes}"] if classes is not None else [])]
    label = next((first.index(c) for c in wanted if c in first), None)
    if label is None:
        raise InputsError(
            f"has no label column (it has: {', '.join(first)})",
            where=f"{path}:1",
            remedy=f"name the class index column one of: {', '.join(wanted)}",
        )
    name = first.index("name") if "name" in first and first.index("name") != file else None
    return _Header(file, label, name), rows[1:]


def _match(files: Sequence[Path], labels: Labels) -> None:
    present = {path.name for path in files}
    bare = sorted(present - labels.by_file.keys())
    lost = sorted(labels.by_file.keys() - present)
    if bare:
        raise InputsError(
            f"{len(bare)} of {len(files)} inputs have no label, first {bare[0]}",
            where=str(labels.path),
            remedy="label every input, or leave --labels out",
        )
    if lost:
        raise InputsError(
            f"{len(lost)} labels name no input, first {lost[0]}",
            where=str(labels.path),
            remedy="give the folder these labels belong to",
        )
