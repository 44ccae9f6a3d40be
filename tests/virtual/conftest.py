from __future__ import annotations

import contextlib
import os
import socket
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from farm import virtual

from .bench import ADB, OLD_ADB, Adb, Bench, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    except OSError:
        return False
    return True


@contextlib.contextmanager
def _server(program: str, home: Path) -> Iterator[Adb]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    client = Adb(port, home, program)
    with (home / "server.log").open("wb") as log:
        server = subprocess.Popen(
            [program, "-L", f"tcp:localhost:{port}", "nodaemon", "server"],
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
def adb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Adb]:
    """A private adb server; it ends with the tests."""
    with _server(ADB, tmp_path_factory.mktemp("home")) as client:
        yield client


@pytest.fixture(scope="session")
def old_adb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Adb]:
    """One of Debian's adb."""
    if not Path(OLD_ADB).exists():
        pytest.skip("Debian's adb is not installed: apt install adb")
    with _server(OLD_ADB, tmp_path_factory.mktemp("old-home")) as client:
        yield client


@pytest.fixture(scope="session")
def bench(adb: Adb, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """One phone for all the tests that leave it as it was."""
    folder = tmp_path_factory.mktemp("shared")
    (phone,) = virtual.up(folder, owner_pid=os.getpid())
    adb.connect(phone)
    yield Bench(adb, phone)
    virtual.down(folder)


@pytest.fixture(scope="session", params=["adb 36", "adb 29"])
def either(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """A phone behind each adb in turn; its reboots are short, and tests leave it as it was."""
    folder = tmp_path_factory.mktemp("either")
    client: Adb = request.getfixturevalue("adb" if request.param == "adb 36" else "old_adb")
    (phone,) = virtual.up(folder, owner_pid=os.getpid(), reboot_s=0.5)
    client.connect(phone)
    yield Bench(client, phone)
    virtual.down(folder)


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Path]:
    """A folder for phones of the test's own; they end with it."""
    folder = tmp_path / "phones"
    yield folder
    virtual.down(folder)
