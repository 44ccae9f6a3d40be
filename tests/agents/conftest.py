from __future__ import annotations

from pathlib import Path

import pytest

from .kit import PLATFORM, Bench, build


@pytest.fixture(scope="session")
def agent() -> Path:
    """The agent as it is shipped."""
    return build("all", PLATFORM)


@pytest.fixture(scope="session")
def sanitized() -> Path:
    """The agent with address and undefined-behavior sanitizers."""
    return build("sanitize", f"{PLATFORM}-sanitize")


@pytest.fixture(scope="module")
def bench(agent: Path, tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return Bench(agent, tmp_path_factory.mktemp("bench"))


@pytest.fixture(scope="module")
def strict(sanitized: Path, tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """A bench with the sanitized agent."""
    return Bench(sanitized, tmp_path_factory.mktemp("strict"))
