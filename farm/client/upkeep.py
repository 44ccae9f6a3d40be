"""A lab's files as methods: a run's archive, and retention."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx2

from farm.api.messages import Removed
from farm.client.client import _error
from farm.errors import DaemonError

if TYPE_CHECKING:
    from pathlib import Path

    from farm.client.client import Client

CHUNK = 1 << 20
SILENCE_S = 60.0


class UpkeepClient:
    """Raises as `Client` does."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def bundle(self, run: int, file: Path) -> int:
        """Write all of a run into `file`, a .tar.gz; its bytes. The file appears whole or not at all.

        Raises:
            DaemonError: the connection broke.
        """
        temporary = file.with_name(f"{file.name}.part")
        size = 0
        try:
            with (
                self._client._link.http.stream(
                    "GET", f"/api/runs/{run}/bundle", timeout=httpx2.Timeout(SILENCE_S)
                ) as answer,
                temporary.open("wb") as out,
            ):
                if answer.is_error:
                    answer.read()
                    raise _error(answer)
                for part in answer.iter_bytes(CHUNK):
                    size += out.write(part)
            temporary.replace(file)
        except httpx2.TransportError as e:
            raise DaemonError(f"the connection broke: {e or type(e).__name__}", remedy="try again") from e
        finally:
            temporary.unlink(missing_ok=True)
        return size

    def collect(self, *, dry_run: bool = False) -> Removed:
        """Remove what farm.toml's [retention] says, or only say what that would be."""
        answer = self._client._request("POST", "/api/gc", params={"dry_run": dry_run})
        return Removed.model_validate_json(answer.content)
