"""Rows on their way to a Parquet artifact: written a batch at a time, so that their number does not matter."""

from __future__ import annotations

import tempfile
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa
    import pyarrow.parquet as pq
    from pydantic import BaseModel
    from pydantic.fields import FieldInfo

    from farm.store.artifacts import ArtifactStore

BATCH_ROWS = 1 << 12
BATCH_TEXT = 4 << 20
"""Characters of text in a batch: names come from captures, which may lie."""


class Table:
    """Rows of one model, whose integer fields name their Arrow type (`Annotated[int, "uint64"]`)."""

    def __init__(self, artifacts: ArtifactStore, model: type[BaseModel]) -> None:
        self._artifacts = artifacts
        self._model = model
        self._rows: list[tuple[Any, ...]] = []
        self._texts = [i for i, field in enumerate(model.model_fields.values()) if field.annotation is str]
        self._text = 0
        self._file: IO[bytes] | None = None
        self._writer: pq.ParquetWriter | None = None

    def add(self, row: BaseModel) -> None:
        """Add a row."""
        values = tuple(row.__dict__.values())
        self._rows.append(values)
        for i in self._texts:
            self._text += len(values[i])
        if len(self._rows) >= BATCH_ROWS or self._text >= BATCH_TEXT:
            self._write()

    def close(self) -> str:
        """Store the table; its sha256, or nothing when there was no row."""
        if self._rows:
            self._write()
        if self._writer is None or self._file is None:
            return ""
        self._writer.close()
        with self._file as file:
            file.seek(0)
            return self._artifacts.put_stream(_pieces(file))

    def _write(self) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        schema = pa.schema([pa.field(name, _arrow(field)) for name, field in self._model.model_fields.items()])
        if self._writer is None:
            self._artifacts.folder.mkdir(parents=True, exist_ok=True)
            self._file = tempfile.TemporaryFile(dir=self._artifacts.folder)  # noqa: SIM115  # closed when it is stored
            self._writer = pq.ParquetWriter(self._file, schema, compression="zstd")
        columns = zip(*self._rows, strict=True)
        arrays = [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)]
        self._writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
        self._rows, self._text = [], 0


def _arrow(field: FieldInfo) -> pa.DataType:
    import pyarrow as pa

    types: dict[object, pa.DataType] = {
        "int32": pa.int32(),
        "uint32": pa.uint32(),
        "uint64": pa.uint64(),
        int: pa.int64(),
        float: pa.float64(),
        str: pa.string(),
    }
    return types[next((m for m in field.metadata if isinstance(m, str)), field.annotation)]


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    return iter(lambda: file.read(1 << 20), b"")
