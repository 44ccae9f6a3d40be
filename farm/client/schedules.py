"""A lab's schedules as methods, and their nights."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING
from urllib.parse import quote

from pydantic import TypeAdapter

from farm.api.schedule_messages import PauseRequest, ScheduleRequest
from farm.schedule.schedule import Night, ScheduleView
from farm.submission import Submission

if TYPE_CHECKING:
    from farm.client.client import Client
    from farm.schedule.schedule import Schedule

JSON = {"content-type": "application/json"}
_SCHEDULES, _NIGHTS = TypeAdapter(list[ScheduleView]), TypeAdapter(list[Night])


class ScheduleClient:
    """Raises as `Client` does; NotFoundError: no such schedule."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def all(self) -> list[ScheduleView]:
        """Every schedule, by name."""
        return _SCHEDULES.validate_json(self._client._request("GET", "/api/schedules").content)

    def show(self, name: str) -> ScheduleView:
        """One schedule."""
        return ScheduleView.model_validate_json(self._client._request("GET", _path(name)).content)

    def submission(self, name: str) -> Submission:
        """What it submits next."""
        return Submission.model_validate_json(self._client._request("GET", f"{_path(name)}/submission").content)

    def add(self, schedule: Schedule, submission: Submission) -> ScheduleView:
        """Add one, whose files were uploaded.

        Raises:
            ConflictError: there is another one of this name.
        """
        asked = ScheduleRequest(schedule=schedule, submission=submission)
        answer = self._client._request("POST", "/api/schedules", content=asked.model_dump_json().encode(), headers=JSON)
        return ScheduleView.model_validate_json(answer.content)

    def pause(self, name: str, reason: str) -> ScheduleView:
        """Fire it no more until it is resumed."""
        content = PauseRequest(reason=reason).model_dump_json().encode()
        answer = self._client._request("POST", f"{_path(name)}/pause", content=content, headers=JSON)
        return ScheduleView.model_validate_json(answer.content)

    def resume(self, name: str) -> ScheduleView:
        """Fire it again, from its next moment on."""
        return ScheduleView.model_validate_json(self._client._request("POST", f"{_path(name)}/resume").content)

    def remove(self, name: str) -> None:
        """End it; its nights stay."""
        self._client._request("DELETE", _path(name))

    def run_now(self, name: str) -> Night:
        """Make and submit a night now. Sent twice by a broken connection, it is still one."""
        headers = {"idempotency-key": secrets.token_hex(16)}
        night = Night.model_validate_json(self._client._request("POST", f"{_path(name)}/run", headers=headers).content)
        self._client.submitted.update(night.jobs)
        return night

    def nights(self, name: str | None = None, limit: int = 50) -> list[Night]:
        """The newest first, of one schedule or of all."""
        path = "/api/nights" if name is None else f"{_path(name)}/nights"
        return _NIGHTS.validate_json(self._client._request("GET", path, params={"limit": limit}).content)

    def night(self, night: int) -> Night:
        """One night."""
        return Night.model_validate_json(self._client._request("GET", f"/api/nights/{night}").content)


def _path(name: str) -> str:
    return f"/api/schedules/{quote(name, safe='')}"
