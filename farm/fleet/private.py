"""An adb server of our own, for the demo and the tests: nobody else's is touched."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import time
from typing import TYPE_CHECKING

from farm.errors import AdbError
from farm.fleet.adb import SERVER_ENVIRONMENT, AdbServer
from farm.fleet.program import adb_program

if TYPE_CHECKING:
    from collections.abc import Iterator

START_S = 20.0


@contextlib.contextmanager
def private_adb_server() -> Iterator[AdbServer]:
    """An adb server of our own on a free port, ended with the context; nobody else's is touched.

    Raises:
        AdbError: it did not start.
    """
    program = adb_program()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = AdbServer("127.0.0.1", port)
    process = subprocess.Popen(
        [program, "-P", str(port), "nodaemon", "server"],
        env=os.environ | SERVER_ENVIRONMENT | {"ADB_USB": "0", "ADB_EMU": "0"},  # other servers hold the real phones
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        deadline = time.monotonic() + START_S
        while True:
            with contextlib.suppress(AdbError):
                server.states(deadline_s=2)
                break
            if process.poll() is not None or time.monotonic() > deadline:
                raise AdbError(
                    "did not start", where=server.where, remedy="run: adb start-server, and see what it says"
                )
            time.sleep(0.05)
        yield server
    finally:
        process.terminate()
        try:
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
