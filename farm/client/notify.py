"""A lab's messages to people as methods."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import TypeAdapter

from farm.notify.trial import Trial
from farm.notify.view import DigestView, NotifyView

if TYPE_CHECKING:
    from farm.client.client import Client

_TRIALS = TypeAdapter(list[Trial])


class NotifyClient:
    """Raises as `Client` does."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def told(self, limit: int = 50) -> NotifyView:
        """Who is told, and what of late, the newest first."""
        return NotifyView.model_validate_json(
            self._client._request("GET", "/api/notify", params={"limit": limit}).content
        )

    def test(self) -> list[Trial]:
        """Send a real message to every address of the lab, and say how each took it."""
        return _TRIALS.validate_json(self._client._request("POST", "/api/notify/test").content)

    def digest(self, night: int | None = None, *, send: bool = False) -> DigestView:
        """What the digest would say now, or what one night's says; `send` puts it on its way."""
        params = {} if night is None else {"night": night}
        answer = self._client._request("POST" if send else "GET", "/api/notify/digest", params=params)
        return DigestView.model_validate_json(answer.content)
