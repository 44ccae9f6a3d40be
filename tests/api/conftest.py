from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import httpx2
import pytest

from farm.api.advert import read_token
from farm.api.messages import TokenRequest
from farm.settings import Api, Settings
from tests.daemon.lab import daemon

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from farm.daemon import Daemon
    from farm.scopes import Scope

    Start = Callable[..., Daemon]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a daemon with these settings of [api]."""
    with contextlib.ExitStack() as ends:

        def make(**api: object) -> Daemon:
            made = daemon(Settings(data=tmp_path / "data", api=Api(**{"artifact_limit_mb": 1, **api})))  # type: ignore[arg-type]
            made.start(port=0)
            ends.callback(made.stop)
            return made

        yield make


@pytest.fixture
def at(start: Start) -> Daemon:
    return start()


def http(at: Daemon, token: str | None = None) -> httpx2.Client:
    """As the data folder's owner, unless with another token."""
    bearer = f"Bearer {token or read_token(at.data)}"
    return httpx2.Client(base_url=at.url, headers={"authorization": bearer}, trust_env=False, timeout=30)


def make_token(at: Daemon, scope: Scope, name: str = "", user: str = "ana", expires_s: float | None = None) -> str:
    return at.door.create(TokenRequest(name=name or scope, user=user, scope=scope, expires_s=expires_s)).token
