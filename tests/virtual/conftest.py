from __future__ import annotations

import os
import socket
import subprocess
from typing import TYPE_CHECKING

import pytest

from farm import virtual

from .bench import ADB, Adb, Bench, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    except OSError:
        return False
    return True


@pytest.fixture(scope="session")
def adb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Adb]:
    """A private adb server; it ends with the tests."""
    home = tmp_path_factory.mktemp("home")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    client = Adb(port, home)
    with (home / "server.log").open("wb") as log:
        server = subprocess.Popen(
            [ADB, "-L", f"tcp:localhost:{port}", "nodaemon", "server"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=client.environment(),
        )
    try:
        wait_until(lambda: _answers(port))
        yield client
    finally:
        server.kill()
        server.wait()


@pytest.fixture(scope="session")
def bench(adb: Adb, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """One phone for all the tests that leave it as it was."""
    folder = tmp_path_factory.mktemp("shared")
    (phone,) = virtual.up(folder, owner_pid=os.getpid())
    adb.connect(phone)
    yield Bench(adb, phone)
    virtual.down(folder)


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Path]:
    """A folder for phones of the test's own; they end with it."""
    folder = tmp_path / "phones"
    yield folder
    virtual.down(folder)
