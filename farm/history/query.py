"""A question in SQL, answered by DuckDB in a process that may do nothing else.

Nothing outside is reached: DuckDB's access to files, network and extensions is off without an exception, and cannot be
switched on again. The tables are Arrow datasets that this process opened; DuckDB is handed their rows. One statement that reads
is let in. What it makes up in memory (`with x as (insert ...)`) ends with the process.
"""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any

from farm.history.answer import Name, QueryError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import duckdb
    import pyarrow
    from pyarrow import dataset

    from farm.history.answer import Question

THREADS = 2
EXPLAIN = "EXPLAIN "
BATCH = 10_000
"""Rows taken at once."""
CLOSED = {
    "temp_directory": "", "max_temp_directory_size": "0B", "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false", "allow_community_extensions": "false", "allow_persistent_secrets": "false",
    "python_enable_replacements": "false", "errors_as_json": "true", "enable_external_file_cache": "false",
}  # fmt: skip
REMEDY = "see `farm query --tables`; docs/history.md has examples"


def answer(asked: Question, tables: Mapping[str, dataset.Dataset]) -> tuple[tuple[Name, ...], pyarrow.Table, bool]:
    """Columns, rows, and whether there would have been more.

    Raises:
        QueryError: it is no question, is wrong, or takes too much time or memory.
    """
    import duckdb

    try:
        with connect(asked.memory_mb) as connection:
            check(connection, asked.sql)
            for name, table in tables.items():
                connection.register(name, table)
            _close(connection)
            timer = threading.Timer(asked.seconds, connection.interrupt)
            timer.start()
            try:
                return _ask(connection, asked)
            finally:
                timer.cancel()
    except duckdb.InterruptException as e:
        raise too_slow(asked.seconds) from e
    except duckdb.OutOfMemoryException as e:
        raise too_large(asked.memory_mb) from e
    except duckdb.Error as e:
        raise wrong(asked.sql, str(e)) from e


def too_large(memory_mb: int) -> QueryError:
    """A question that needs more memory than it may have."""
    remedy = "ask of fewer days, or aggregate earlier; or raise history.query_memory_mb"
    return QueryError(f"takes more than {memory_mb} MiB of memory", where="SQL", remedy=remedy)


def too_slow(seconds: float) -> QueryError:
    """A question that needs more time than it may have."""
    remedy = "ask of fewer days (where day >= ...), or raise history.query_s"
    return QueryError(f"took longer than {seconds:g} s", where="SQL", remedy=remedy)


def connect(memory_mb: int) -> duckdb.DuckDBPyConnection:
    """An empty database in memory."""
    import duckdb

    return duckdb.connect(
        ":memory:", config={**CLOSED, "memory_limit": f"{memory_mb}MiB", "threads": str(THREADS)}
    )  # fmt: skip


def _close(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")


def check(connection: duckdb.DuckDBPyConnection, sql: str) -> None:
    """See that it is one statement that reads. Parsing runs nothing.

    Raises:
        QueryError: it is not.
    """
    import duckdb

    if "\0" in sql:
        raise QueryError("holds a character that no SQL has", where="SQL", remedy=REMEDY)
    try:
        statements = connection.extract_statements(sql)
    except duckdb.Error as e:
        raise wrong(sql, str(e)) from e
    if len(statements) != 1:
        raise QueryError(f"is {len(statements)} statements instead of one", where="SQL", remedy="ask one thing")
    kind = statements[0].type
    if kind == duckdb.StatementType.MULTI:
        raise QueryError(
            "is a PIVOT that looks up its own columns", where="SQL", remedy="name them: ON x IN ('a', 'b')"
        )
    if kind not in {duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN}:
        raise QueryError(f"is {kind.name}: only SELECT is let in", where="SQL", remedy=REMEDY)


def _ask(connection: duckdb.DuckDBPyConnection, asked: Question) -> tuple[tuple[Name, ...], pyarrow.Table, bool]:
    import pyarrow

    _bind(connection, asked.sql)
    # A relation gives rows as they are made; a cursor has all of them in memory first.
    found = connection.sql(asked.sql)
    columns = tuple(Name(name=name, type=str(type_)) for name, type_ in zip(found.columns, found.types, strict=True))
    reader = found.to_arrow_reader(BATCH)
    batches: list[pyarrow.RecordBatch] = []
    rows = size = 0
    truncated = False
    for batch in reader:
        room = asked.rows - rows
        size += batch.nbytes
        if size > asked.bytes or len(batch) > room:
            truncated = True
            batches += [batch.slice(0, room)] if size <= asked.bytes else []
            break
        batches.append(batch)
        rows += len(batch)
    return columns, pyarrow.Table.from_batches(batches, reader.schema), truncated


def _bind(connection: duckdb.DuckDBPyConnection, sql: str) -> None:
    """See that names and types fit, without running it: what a relation says of that has no position."""
    import duckdb

    if connection.extract_statements(sql)[0].type == duckdb.StatementType.SELECT:
        try:
            connection.execute(EXPLAIN + sql)
        except duckdb.Error as e:
            raise wrong(sql, str(e), len(EXPLAIN)) from e


def wrong(sql: str, said: str, ahead: int = 0) -> QueryError:
    """DuckDB's error, with line and column where it tells a position; so many bytes stood ahead of the question."""
    kind, brace, rest = said.partition("{")
    try:
        told: dict[str, Any] = json.loads(brace + rest)
    except ValueError:
        told = {"exception_message": said.strip() or kind}
    message = str(told.get("exception_message", said)).strip().partition("\tCandidate functions:")[0].strip()
    where = "SQL"
    if str(told.get("position", "")).isdecimal():
        line, column = position(sql, int(told["position"]) - ahead)
        where = f"SQL, line {line}, column {column}"
    return QueryError(message, where=where, remedy=REMEDY)


def position(sql: str, offset: int) -> tuple[int, int]:
    """Line and column, from 1, of a byte of the question."""
    before = sql.encode()[:offset].decode(errors="ignore")
    return before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1
