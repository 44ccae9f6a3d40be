"""What is asked of the history over REST."""

from __future__ import annotations

from pydantic import Field

from farm.api.messages import Message
from farm.history.answer import SQL_LIMIT, Format  # pydantic reads the annotations


class Asking(Message):
    """A question in SQL."""

    sql: str = Field(min_length=1, max_length=SQL_LIMIT)
    format: Format = "json"
    rows: int | None = Field(default=None, ge=1, le=10_000_000)
    """At most; None, or more than farm.toml's history.query_rows: so many."""
