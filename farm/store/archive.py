"""Documents of old runs: moved out of the state file into artifacts, many to a file, and read back as if they had stayed.

What stays in the row is a short document: still a Run, with the figures and the links to files, without layers, findings and
series. In this order, so that a death at any moment loses nothing: the artifact is written, flushed to the disk and renamed; then
one transaction names it, shortens the documents, and says of each run where the rest of it is.
"""

from __future__ import annotations

import io
import os
import time
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from farm.errors import StorageError
from farm.report.document import Run
from farm.store.documents import whole

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from farm.store import sqlite
    from farm.store.artifacts import ArtifactStore
    from farm.store.database import Database

BATCH = 256
"""Documents of one artifact."""
GROUP = 16
"""Documents that are read together to read one."""
LEVEL = 9
"""Of zstd: they are written once."""
DAY_S = 86400.0
_MOVABLE = (
    # What an older version left to be read whole (series of figures) is read before it goes.
    "FROM runs WHERE archive IS NULL AND document IS NOT NULL AND over_at < ?"
    " AND id >= coalesce((SELECT before FROM backfills WHERE what = 'points'), 0)"
)


def move(database: Database, artifacts: ArtifactStore, before: float, limit: int = BATCH) -> int:
    """Move the documents of up to `limit` runs that were over before `before` (Unix seconds), the oldest first; how many."""
    rows = database.read(f"SELECT id, over_at, document {_MOVABLE} ORDER BY over_at, id LIMIT ?", before, limit)
    if not rows:
        return 0
    sha256 = artifacts.put(_packed(rows))
    for folder in (artifacts.path(sha256).parent, artifacts.folder):  # the names, too, are on the disk
        flush(folder)
    shorts = [(_short(row["document"]), row["id"], row["document"]) for row in rows]
    with database.write(quiet=True) as db:
        archive = db.execute(
            "INSERT INTO archives (sha256, runs, newest, made) VALUES (?, ?, ?, ?)",
            (sha256, len(rows), rows[-1]["over_at"], time.time()),
        ).lastrowid
        for short, run, document in shorts:
            changed = db.execute(
                "UPDATE runs SET document = ?, archive = ? WHERE id = ? AND archive IS NULL AND document = ?",
                (short, archive, run, document),
            ).rowcount
            if changed != 1:
                raise StorageError("changed while it was moved", where=f"run {run}", remedy="it is tried again")
    return len(rows)


def left(database: Database, before: float) -> int:
    """Runs whose documents `move` would move."""
    return int(database.read(f"SELECT count(*) {_MOVABLE}", before)[0][0])


def wholes(db: sqlite.Connection, rows: Sequence[sqlite.Row], artifacts: ArtifactStore) -> tuple[Run, ...]:
    """Rows of runs with all their figures, wherever their documents are.

    A run whose archive retention removed, or that cannot be read, is as short as its row, and says so in `partial`.
    """
    wanted: dict[int, list[int]] = {}
    for row in rows:
        if row["archive"] is not None:
            wanted.setdefault(row["archive"], []).append(row["id"])
    documents: dict[int, str] = {}
    missing: dict[int, str] = {}
    for archive, runs in wanted.items():
        known = db.execute("SELECT sha256, removed FROM archives WHERE id = ?", (archive,)).fetchone()
        try:
            documents |= read(artifacts.path(known["sha256"]), runs)
        except StorageError:
            why = (
                "were removed by [history] keep_days"
                if known["removed"] is not None
                else "cannot be read: see farm check"
            )
            missing |= dict.fromkeys(runs, f"layers, findings and series {why}")
    return tuple(_run(row, documents.get(row["id"]), missing.get(row["id"])) for row in rows)


def read(file: Path, runs: Iterable[int] | None = None) -> dict[int, str]:
    """Documents of an archive by run; of these runs, where `runs` is given.

    Raises:
        StorageError: it is not there, or broken.
    """
    filters = None if runs is None else [("run", "in", list(runs))]
    return {int(row["run"]): str(row["document"]) for row in _rows(file, ["run", "document"], filters)}


def held(file: Path) -> set[int]:
    """The runs whose documents an archive has. Raises as `read` does."""
    return {int(row["run"]) for row in _rows(file, ["run"])}


def _rows(file: Path, columns: list[str], filters: Any = None) -> list[dict[str, Any]]:
    from pyarrow import ArrowException, parquet

    try:
        rows: list[dict[str, Any]] = parquet.read_table(
            file, columns=columns, filters=filters, partitioning=None
        ).to_pylist()
    except (OSError, ArrowException) as e:
        raise StorageError(f"cannot be read: {e}", where=str(file), remedy="see farm check") from e
    return rows


def drop(database: Database, before: float) -> int:
    """Let go of archives all of whose runs were over before `before`; retention removes the files that nobody names then."""
    with database.write(quiet=True) as db:
        return db.execute(
            "UPDATE archives SET removed = ? WHERE removed IS NULL AND newest < ?", (time.time(), before)
        ).rowcount


def flush(folder: Path) -> None:
    """See that the names in a folder are on the disk."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def short(run: Run) -> Run:
    """A run without what makes documents large."""
    latency, samples, metrics = run.latency_ms, run.samples, run.metrics
    return run.model_copy(
        update={
            "findings": (), "comparisons": (), "layer_types": (), "explanation": None, "slices": (), "fired": (),
            "ladder": None, "quantization": None,
            "latency_ms": latency and latency.model_copy(update={"timeline": ()}),
            "samples": samples and samples.model_copy(update={"series": ()}),
            "metrics": metrics and metrics.model_copy(update={"classes": (), "confusions": (), "matrix": ()}),
        }
    )  # fmt: skip


def _run(row: sqlite.Row, document: str | None, missing: str | None) -> Run:
    run = whole(row, document)
    return run if missing is None else run.model_copy(update={"partial": (*run.partial, missing)})


def _short(document: str) -> str:
    try:
        return short(Run.model_validate_json(document)).model_dump_json(exclude_defaults=True)
    except ValidationError:  # nobody can read it: it must not keep the others here
        return document


def _packed(rows: Sequence[sqlite.Row]) -> bytes:
    """Parquet of run and document. The same rows are the same bytes."""
    import pyarrow
    from pyarrow import parquet

    table = pyarrow.table({"run": [row["id"] for row in rows], "document": [row["document"] for row in rows]})
    out = io.BytesIO()
    parquet.write_table(
        table, out, compression="zstd", compression_level=LEVEL, row_group_size=GROUP, use_dictionary=False,
        write_statistics=["run"],
    )  # fmt: skip
    return out.getvalue()
