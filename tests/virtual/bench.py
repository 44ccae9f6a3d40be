"""A private adb server and its client, as the tests use them."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from farm.fleet.program import BUNDLED

if TYPE_CHECKING:
    from collections.abc import Callable

    from farm.virtual import VirtualPhone

ADB = str(BUNDLED)
"""The one that comes with adbutils, whatever is installed besides."""
OLD_ADB = "/usr/lib/android-sdk/platform-tools/adb"
"""Debian's, of version 29, which `./run test` installs; where it is absent, the tests with it are skipped."""
TIMEOUT = 60


def wait_until(condition: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.02)


@dataclass(frozen=True)
class Adb:
    """The client of one server."""

    port: int
    home: Path
    program: str = ADB

    def command(self, *arguments: str, serial: str = "") -> list[str]:
        return [self.program, "-P", str(self.port), *(["-s", serial] if serial else []), *arguments]

    def environment(self) -> dict[str, str]:
        extra = {"HOME": str(self.home), "ADB_LOCAL_TRANSPORT_MAX_PORT": "5554", "ADB_MDNS": "0", "ADB_USB": "0"}
        return {k: v for k, v in os.environ.items() if not k.startswith("A")} | extra

    def run(
        self, *arguments: str, serial: str = "", stdin: bytes | None = b"", timeout: float = TIMEOUT
    ) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            self.command(*arguments, serial=serial),
            input=stdin,
            capture_output=True,
            timeout=timeout,
            env=self.environment(),
            check=False,
        )

    def start(self, *arguments: str, serial: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            self.command(*arguments, serial=serial),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=self.environment(),
        )

    def connect(self, phone: VirtualPhone) -> None:
        answer = self.run("connect", phone.serial).stdout.decode()
        assert answer.startswith("connected to"), answer

    def state(self, phone: VirtualPhone) -> str:
        lines = self.run("devices").stdout.decode().splitlines()
        states = [line.split("\t")[1] for line in lines if line.startswith(f"{phone.serial}\t")]
        return states[0] if states else ""


@dataclass(frozen=True)
class Bench:
    """A connected phone and the adb that knows it."""

    adb: Adb
    phone: VirtualPhone

    def run(
        self, *arguments: str, stdin: bytes | None = b"", timeout: float = TIMEOUT
    ) -> subprocess.CompletedProcess[bytes]:
        return self.adb.run(*arguments, serial=self.phone.serial, stdin=stdin, timeout=timeout)

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        return self.adb.start(*arguments, serial=self.phone.serial)

    def shell(self, command: str) -> str:
        done = self.run("shell", command)
        assert done.returncode == 0, done
        return done.stdout.decode()

    def open(self, service: str) -> socket.socket:
        """A stream to `service` through the adb server, as adb's clients have it."""
        stream = socket.create_connection(("127.0.0.1", self.adb.port), timeout=TIMEOUT)
        for request in (f"host:transport:{self.phone.serial}", service):
            stream.sendall(f"{len(request.encode()):04x}{request}".encode())
            if receive(stream, 4) != b"OKAY":
                stream.close()
                raise ConnectionRefusedError(request)
        return stream


def receive(stream: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size and (more := stream.recv(size - len(data))):
        data += more
    return data
