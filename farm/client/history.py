"""A lab's history as methods: questions in SQL, how far it is written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import TypeAdapter

from farm.api.history_messages import Asking
from farm.history.answer import Format, Status, Table

if TYPE_CHECKING:
    from farm.client.client import Client

JSON = {"content-type": "application/json"}
_DAYS, _TABLES = TypeAdapter(list[str]), TypeAdapter(list[Table])


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

    def write(self) -> list[str]:
        """Write now what is due; the days that were written."""
        return _DAYS.validate_json(self._client._request("POST", "/api/history").content)
