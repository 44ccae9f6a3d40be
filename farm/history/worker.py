"""The process that asks: a Question as one line on stdin; a Head as one line on stdout, then the body.

It ends when its stdin does: whoever asked is gone.
"""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import resource
import sys
import threading
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from farm.errors import BugError, FarmError
from farm.history import query, source
from farm.history.answer import Head, Name, Question
from farm.report.document import Failure

if TYPE_CHECKING:
    from io import BufferedWriter

    import pyarrow

    from farm.history.answer import Format

ADDRESSES_MB = 4096
"""Beyond the memory a question may take: numpy, pyarrow and DuckDB reserve about so much, and use little of it."""
CPU_SLACK_S = 10.0
FILES = 4096
GONE = 141
"""As of a program whose pipe is closed."""


def main() -> None:
    """Answer one question."""
    given, out = sys.stdin.buffer, os.fdopen(sys.stdout.fileno(), "wb", closefd=False)
    asked = Question.model_validate_json(given.readline())
    threading.Thread(target=_end_with, args=(given,), daemon=True).start()
    confine(asked)
    with contextlib.suppress(BrokenPipeError):
        _say(asked, out)
        out.flush()
    os._exit(0)  # threads of DuckDB and pyarrow have nothing to put in order


def confine(asked: Question) -> None:
    """Limits of this process: memory, CPU and files end somewhere, whatever the libraries do."""
    seconds = int(query.THREADS * asked.seconds + CPU_SLACK_S)
    for what, limit in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_AS, (asked.memory_mb + ADDRESSES_MB) << 20),
        (resource.RLIMIT_NOFILE, FILES),
    ):
        _limit(what, limit)


def write_nothing() -> None:
    """From here on no byte goes into a file. The state file was read before: the first to read SQLite's log writes beside it."""
    _limit(resource.RLIMIT_FSIZE, 0)


def _limit(what: int, limit: int) -> None:
    _, hard = resource.getrlimit(what)
    most = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
    resource.setrlimit(what, (most, most))


def _end_with(given: BinaryIO) -> None:
    with contextlib.suppress(OSError):
        given.read()
    os._exit(GONE)


def _say(asked: Question, out: BufferedWriter) -> None:
    try:
        data = Path(asked.data)
        tables = source.datasets(data, source.read(data))
        write_nothing()
        columns, table, truncated = query.answer(asked, tables)
    except FarmError as e:
        return _head(out, Head(failure=Failure.of(e)))
    except MemoryError:
        return _head(out, Head(failure=Failure.of(query.too_large(asked.memory_mb))))
    except Exception as e:  # who asked must hear of it
        bug = BugError(f"{type(e).__name__}: {e}", where="history", remedy="please report it")
        return _head(out, Head(failure=Failure.of(bug)))
    _head(out, Head(columns=columns, rows=len(table), truncated=truncated))
    body(table, columns, asked.format, out, truncated=truncated)
    return None


def _head(out: BufferedWriter, head: Head) -> None:
    out.write(head.model_dump_json().encode() + b"\n")
    out.flush()


def body(
    table: pyarrow.Table, columns: tuple[Name, ...], form: Format, out: BufferedWriter, *, truncated: bool
) -> None:
    """Write the rows in a format, a batch at a time."""
    if form == "arrow":
        import pyarrow

        with pyarrow.ipc.new_stream(out, table.schema) as writer:
            writer.write_table(table)
        return
    batches = (zip(*(values(column) for column in batch.columns), strict=True) for batch in table.to_batches(1000))
    if form == "csv":
        text = io.StringIO()
        writing = csv.writer(text, lineterminator="\n")
        writing.writerow([column.name for column in columns])
        for rows in batches:
            writing.writerows([cell(value) for value in row] for row in rows)
            out.write(text.getvalue().encode())
            text.seek(text.truncate(0))
        out.write(text.getvalue().encode())
        return
    told = json.dumps([column.model_dump() for column in columns])
    out.write(f'{{"columns": {told}, "rows": ['.encode())
    comma = ""
    for rows in batches:
        for row in rows:
            out.write(f"{comma}\n{json.dumps([plain(value) for value in row], allow_nan=False)}".encode())
            comma = ","
    out.write(f'], "truncated": {json.dumps(truncated)}}}\n'.encode())


def plain(value: Any) -> Any:
    """A value of an answer as JSON has it: times in ISO 8601, maps as objects, what is no number as none."""
    if isinstance(value, float):
        return value if value - value == 0 else None
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, (datetime, date, time)):
        return value.isoformat()
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, dict):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    return value.hex() if isinstance(value, bytes) else str(value)


def values(column: pyarrow.Array[Any]) -> list[Any]:
    """Of a column, as Python has them."""
    return column.to_pylist(maps_as_pydicts="lossy")  # DuckDB's maps have each key once


def cell(value: Any) -> Any:
    """The same as CSV has it: maps and lists as JSON."""
    known = plain(value)
    return json.dumps(known) if isinstance(known, (dict, list)) else known


if __name__ == "__main__":
    main()
