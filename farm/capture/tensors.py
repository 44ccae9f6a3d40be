"""Whole frames of tensors in one safetensors file, under the keys `FRAME/TENSOR`; written and read without copies."""

from __future__ import annotations

import functools
import json
import mmap
import os
from typing import TYPE_CHECKING, Any

import numpy as np

from farm.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from io import BufferedReader
    from pathlib import Path

    Array = np.ndarray[Any, Any]

_NAMES = {
    "bool": "BOOL",
    "int8": "I8",
    "int16": "I16",
    "int32": "I32",
    "int64": "I64",
    "uint8": "U8",
    "uint16": "U16",
    "uint32": "U32",
    "uint64": "U64",
    "float16": "F16",
    "float32": "F32",
    "float64": "F64",
}
_DTYPES = {name: np.dtype(dtype).newbyteorder("<") for dtype, name in _NAMES.items()}
_HEADER_LIMIT = 100_000_000
"""The format's own."""
MAPPED_BYTES = 1 << 20
"""Smaller spans are read."""

Entry = tuple[int, np.dtype[Any], tuple[int, ...], int, int]
"""Tensor, dtype, shape, begin, end: the last two count from the file's start."""


def pack(frames: Mapping[int, Mapping[int, Array]]) -> Iterator[bytes | memoryview]:
    """The parts of a safetensors file. Within a frame wide types come first, so that a frame read at once is aligned."""
    header: dict[str, object] = {}
    parts: list[memoryview] = []
    at = 0
    for frame, tensors in frames.items():
        for tensor, value in sorted(tensors.items(), key=lambda item: (-item[1].itemsize, item[0])):
            name, dtype = _stored(value.dtype)
            array = np.asarray(value, dtype, order="C")
            end = at + array.nbytes
            header[f"{frame}/{tensor}"] = {"dtype": name, "shape": array.shape, "data_offsets": (at, end)}
            parts.append(array.reshape(-1).view(np.uint8).data)
            at = end
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    yield len(text).to_bytes(8, "little") + text
    yield from parts


@functools.cache
def _stored(dtype: np.dtype[Any]) -> tuple[str, np.dtype[Any]]:
    name = _NAMES[dtype.name]
    return name, _DTYPES[name]


@functools.lru_cache(maxsize=8)
def index(path: Path) -> dict[int, tuple[Entry, ...]]:
    """What frames a file holds, and where. Kept for a few files: artifacts never change.

    Raises:
        StorageError: it is not there, or not what was stored.
    """
    try:
        with path.open("rb") as file:
            size = int.from_bytes(file.read(8), "little")
            if size > _HEADER_LIMIT:
                raise StorageError("is no safetensors file", where=str(path), remedy="submit the job again")
            header = json.loads(file.read(size))
        frames: dict[int, list[Entry]] = {}
        for key, entry in header.items():
            if key == "__metadata__":
                continue
            frame, _, tensor = key.partition("/")
            begin, end = entry["data_offsets"]
            frames.setdefault(int(frame), []).append(
                (int(tensor), _DTYPES[entry["dtype"]], tuple(entry["shape"]), 8 + size + begin, 8 + size + end)
            )
    except FileNotFoundError as e:
        raise StorageError("artifact is not stored", where=str(path), remedy="submit the job again") from e
    except (ValueError, KeyError, TypeError) as e:
        raise StorageError("is no safetensors file", where=str(path), remedy="submit the job again") from e
    return {frame: tuple(sorted(entries, key=lambda entry: entry[3])) for frame, entries in frames.items()}


def read(path: Path, frame: int) -> dict[int, Array]:
    """A frame's tensors by their index, in their own shapes; what is written to them stays in this process.

    Raises:
        KeyError: the file does not hold the frame.
        StorageError: as `index`.
    """
    entries = index(path)[frame]
    found: dict[int, Array] = {}
    with path.open("rb") as file:
        held = os.fstat(file.fileno()).st_size
        for first, last in _spans(entries):
            start, end = entries[first][3], entries[last - 1][4]
            if end > held:
                raise StorageError("artifact is cut off", where=str(path), remedy="submit the job again")
            data = _bytes(file, start, end - start, entries[first][1].itemsize)
            for tensor, dtype, shape, begin, stop in entries[first:last]:
                found[tensor] = data[begin - start : stop - start].view(dtype).reshape(shape)
    return found


def _bytes(file: BufferedReader, start: int, size: int, alignment: int) -> Array:
    """Mapped where that pays: a copy of tens of megabytes costs more than comparing them."""
    if size >= MAPPED_BYTES and start % alignment == 0:
        skipped = start % mmap.ALLOCATIONGRANULARITY
        mapped = mmap.mmap(file.fileno(), skipped + size, access=mmap.ACCESS_COPY, offset=start - skipped)
        return np.frombuffer(mapped, np.uint8, offset=skipped)
    file.seek(start)
    data = np.empty(size, np.uint8)
    file.readinto(data.data)
    return data


def _spans(entries: tuple[Entry, ...]) -> Iterator[tuple[int, int]]:
    """Runs of entries that lie one after the other, aligned as their types want: read at once."""
    first = 0
    for i in range(1, len(entries) + 1):
        touching = i < len(entries) and entries[i][3] == entries[i - 1][4]
        if not touching or (entries[i][3] - entries[first][3]) % entries[i][1].itemsize:
            yield first, i
            first = i
