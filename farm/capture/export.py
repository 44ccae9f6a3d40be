"""A recording's content in files that other programs read."""

from __future__ import annotations

import json
import math
import shutil
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from farm.errors import CaptureError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import pyarrow as pa

    from farm.capture.opened import Opened

Format = Literal["npz", "parquet", "csv", "json"]


def export(what: Opened, kind: Format, folder: Path) -> tuple[Path, ...]:
    """Write `what` into `folder`, which is made, or empty; the files written.

    `recording.json` (header, specs, conditions) and one table a kind of row come with every format; tensors with `npz` (one
    file a frame, arrays named by tensor index) and `parquet` (one row a tensor, its values as little-endian bytes).
    No more than one frame, or one batch of rows, is in memory.

    Raises:
        CaptureError: the folder holds something already.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise CaptureError("is not an empty folder", where=str(folder), remedy="name another folder")
    folder.mkdir(parents=True, exist_ok=True)
    document = folder / "recording.json"
    outline = what.recording.model_dump_json(exclude={"frames", "times", "ops", "statistics", "memory"}, indent=2)
    document.write_text(outline + "\n", encoding="utf-8")
    write: dict[str, Callable[[Path, Path], None]] = {"npz": _npz, "parquet": _parquet, "csv": _csv, "json": _json}
    written = [document]
    for name, sha256 in tables(what).items():
        written.append(folder / f"{name}.{kind}")
        write[kind](what.artifacts.path(sha256), written[-1])
    if kind == "npz":
        written += [_frame(what, index, folder) for index in sorted(what.recording.frames)]
    elif kind == "parquet" and what.recording.frames:
        written.append(folder / "tensors.parquet")
        _tensors(what, written[-1])
    return tuple(written)


def tables(what: Opened) -> dict[str, str]:
    """Name -> sha256 of the Parquet artifact, of the tables that have rows."""
    r = what.recording
    found = {"frames": r.times, "ops": r.ops, "statistics": r.statistics, "memory": r.memory}
    return {name: sha256 for name, sha256 in found.items() if sha256}


def _batches(table: Path) -> Iterator[pa.RecordBatch]:
    import pyarrow.parquet as pq

    with pq.ParquetFile(table) as file:
        yield from file.iter_batches(1 << 14)


def _parquet(table: Path, out: Path) -> None:
    shutil.copyfile(table, out)


def _csv(table: Path, out: Path) -> None:
    import pyarrow.csv as pc
    import pyarrow.parquet as pq

    with pc.CSVWriter(out, pq.read_schema(table)) as writer:
        for batch in _batches(table):
            writer.write_batch(batch)


def _json(table: Path, out: Path) -> None:
    with out.open("w", encoding="utf-8") as file:
        separator = "[\n"
        for batch in _batches(table):
            for row in batch.to_pylist():
                file.write(separator + json.dumps({key: _plain(value) for key, value in row.items()}))
                separator = ",\n"
        file.write("\n]\n")


def _plain(value: Any) -> Any:
    """JSON has no word for what is not finite."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _npz(table: Path, out: Path) -> None:
    import pyarrow.parquet as pq

    found = pq.read_table(table)
    columns = {name: found.column(name).to_numpy() for name in found.column_names}
    # Text as numpy's own, so that nobody has to allow pickles to read it.
    texts = {name: column.astype(str) for name, column in columns.items() if column.dtype == object}
    np.savez(out, **(columns | texts))  # type: ignore[arg-type]  # no column is called allow_pickle


def _frame(what: Opened, index: int, folder: Path) -> Path:
    out = folder / f"frame-{index:06}.npz"
    found = what.recording.tensors(what.artifacts, index)
    np.savez(out, **{str(tensor): value for tensor, value in found.items()})  # type: ignore[arg-type]  # as above
    return out


def _tensors(what: Opened, out: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    fields: list[pa.Field[Any]] = [
        pa.field("frame", pa.uint32()),
        pa.field("tensor", pa.int64()),
        pa.field("name", pa.string()),
        pa.field("dtype", pa.string()),
        pa.field("shape", pa.list_(pa.int64())),
        pa.field("data", pa.large_binary()),
    ]
    schema = pa.schema(fields)
    specs = what.recording.by_tensor
    with pq.ParquetWriter(out, schema, compression="zstd") as writer:
        for index in sorted(what.recording.frames):
            found = what.recording.tensors(what.artifacts, index)
            rows = [
                (index, tensor, specs[tensor].name, value.dtype.name, list(value.shape), value.tobytes())
                for tensor, value in found.items()
            ]
            arrays = [
                pa.array(column, field.type) for column, field in zip(zip(*rows, strict=True), schema, strict=True)
            ]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
