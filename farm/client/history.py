"""A lab's history as methods: questions in SQL, how far it is written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import TypeAdapter

from farm.api.history_messages import Asking
from farm.history.answer import Format, Size, Status, Step, Table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from farm.client.client import Client

JSON = {"content-type": "application/json"}
COMPACT_S = 3600.0
"""For a state file of many GB."""
_TABLES = TypeAdapter(list[Table])


@dataclass(frozen=True)
class Answer:
    """The body in the format that was asked for."""

    body: bytes
    rows: int
    truncated: bool
    """There would have been more rows."""


class HistoryClient:
    """Raises as `Client` does; QueryError: the question is wrong (line and column), or takes too much."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def query(self, sql: str, form: Format = "json", rows: int | None = None) -> Answer:
        """Ask in SQL: one SELECT, at most `rows` of it."""
        asking = Asking(sql=sql, format=form, rows=rows)
        answer = self._client._request("POST", "/api/query", content=asking.model_dump_json().encode(), headers=JSON)
        headers = answer.headers
        return Answer(answer.content, int(headers["x-farm-rows"]), headers["x-farm-truncated"] == "true")

    def tables(self) -> list[Table]:
        """What can be asked of."""
        return _TABLES.validate_json(self._client._request("GET", "/api/history/tables").content)

    def status(self) -> Status:
        """How far it is written."""
        return Status.model_validate_json(self._client._request("GET", "/api/history").content)

    def write(self) -> Iterator[Step]:
        """Write what is due, step by step, until all of it is. Broken off, it goes on there the next time."""
        over = False
        while not over:
            step = Step.model_validate_json(self._client._request("POST", "/api/history").content)
            over = step.over
            yield step

    def compact(self) -> Size:
        """Write the lab's state file anew, without what is free in it."""
        answer = self._client._request("POST", "/api/history/compact", timeout=COMPACT_S)
        return Size.model_validate_json(answer.content)
