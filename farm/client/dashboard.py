"""The way into a lab's dashboard."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from farm.api.messages import NewLogin

if TYPE_CHECKING:
    from farm.client.client import Client


class DashboardClient:
    """Raises as `Client` does."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def login(self) -> NewLogin:
        """A code that lets one browser in for this client's token, once, within a minute."""
        return NewLogin.model_validate_json(self._client._request("POST", "/api/logins").content)

    def url(self, path: str = "/") -> str:
        """An address that a browser opens once, within a minute, and is logged in at `path`."""
        return f"{self._client._link.url}/login?code={self.login().code}&next={quote(path, safe='')}"
