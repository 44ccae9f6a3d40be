"""The library, built."""

from __future__ import annotations

import pytest

from tests.agents.kit import build


@pytest.fixture(scope="session", autouse=True)
def library() -> None:
    build("all", "linux-x86_64")
