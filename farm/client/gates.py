"""A lab's gates as methods."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from pydantic import TypeAdapter

from farm.api.gate_messages import CheckRequest
from farm.gate.answer import Explanation, GateAnswer, GateView

if TYPE_CHECKING:
    from farm.client.client import Client

JSON = {"content-type": "application/json"}
_VIEWS, _ANSWERS = TypeAdapter(list[GateView]), TypeAdapter(list[GateAnswer])


class GateClient:
    """The gates of the lab's farm.toml, each by its name. Raises as `Client` does; NotFoundError: no such gate or job."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def views(self) -> list[GateView]:
        """Every gate, and how it went last."""
        return _VIEWS.validate_json(self._client._request("GET", "/api/gates").content)

    def check(self, gate: str, job: int | None = None, *, against: str = "", commit: str = "") -> GateAnswer:
        """Whether a job passes, the newest that is done when left out. Asked again, it is the same answer.

        Raises:
            GateError: the job is not over, or the gate is about none of its runs.
        """
        asked = CheckRequest(job=job, against=against, commit=commit)
        answer = self._client._request(
            "POST", f"{_path(gate)}/check", content=asked.model_dump_json().encode(), headers=JSON
        )
        return GateAnswer.model_validate_json(answer.content)

    def explain(self, gate: str, *, cells: int | None = None, differ: float | None = None) -> Explanation:
        """What each of its conditions needs."""
        asked: dict[str, Any] = {"cells": cells, "differ": differ}
        params = {name: value for name, value in asked.items() if value is not None}
        answer = self._client._request("GET", f"{_path(gate)}/explain", params=params)
        return Explanation.model_validate_json(answer.content)

    def history(self, gate: str, limit: int = 50) -> list[GateAnswer]:
        """Its newest checks first."""
        answer = self._client._request("GET", f"{_path(gate)}/history", params={"limit": limit})
        return _ANSWERS.validate_json(answer.content)


def _path(gate: str) -> str:
    return f"/api/gates/{quote(gate, safe='')}"
