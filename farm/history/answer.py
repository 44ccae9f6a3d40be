"""A question to the history and what comes back, as they travel between processes."""

from __future__ import annotations

from typing import Literal, get_args

from pydantic import Field

from farm.errors import JobError
from farm.report.base import Part
from farm.report.document import Failure

Format = Literal["json", "csv", "arrow"]
"""`json`: one document, `{"columns": [...], "rows": [[...], ...], "truncated": false}`. `arrow`: an IPC stream, with the types as
they are."""
FORMATS: tuple[Format, ...] = get_args(Format)
MEDIA_TYPES: dict[Format, str] = {
    "json": "application/json", "csv": "text/csv; charset=utf-8", "arrow": "application/vnd.apache.arrow.stream",
}  # fmt: skip
SQL_LIMIT = 100_000
"""Characters of a question."""


class QueryError(JobError):
    """The question is no SELECT, is wrong (line and column), or takes more than farm.toml's [history] lets it."""


class Question(Part):
    """What the process that asks is told."""

    sql: str
    format: Format
    data: str
    """Folder."""
    rows: int
    bytes: int
    """Of the rows in memory; beyond either the answer is cut off, and says so."""
    memory_mb: int
    seconds: float


class Name(Part):
    """A column of an answer, with DuckDB's type."""

    name: str
    type: str


class Head(Part):
    """The first line of what it says; the body follows, unless it failed."""

    columns: tuple[Name, ...] = ()
    rows: int = 0
    truncated: bool = False
    """There would have been more rows."""
    failure: Failure | None = None


class Described(Part):
    """One of its columns."""

    name: str
    type: str
    meaning: str


class Table(Part):
    """A table of the history, for people."""

    name: str
    meaning: str
    columns: tuple[Described, ...]


class Step(Part):
    """What a step of the writing did, and what is left."""

    days: tuple[str, ...] = ()
    """Written to the history."""
    documents: int = 0
    """Of runs, that left the state file."""
    events: int = 0
    """That were forgotten."""
    bytes: int = 0
    """Of the state file, given back to the disk."""
    days_left: int = 0
    documents_left: int = 0
    over: bool
    """Nothing is left to do at this moment."""


class Size(Part):
    """Bytes of the state file before and after it was written anew."""

    before: int
    after: int


class Status(Part):
    """How far the history is written. Days are UTC, YYYY-MM-DD; times are Unix seconds."""

    days: int
    """Written and kept."""
    first: str
    last: str
    """Empty, as `first`: none."""
    runs: int
    """Of those days."""
    bytes: int
    removed: int
    """Days that went by [history] keep_days."""
    due: tuple[str, ...]
    """Days that are over and not written yet."""
    live: int
    """Runs that are in no file yet; questions see them all the same."""
    archived: int
    """Runs whose documents left the state file."""
    archive_bytes: int
    state_bytes: int
    free_bytes: int
    """Of the state file: in pages with nothing in them."""
    written: float | None = Field(default=None)
    """When a day was written last."""
