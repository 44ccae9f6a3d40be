"""A lab to break: virtual phones, an adb server and a daemon, each a process of its own that can be killed."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, TypeVar

import psutil

from farm import settings, virtual
from farm.api.advert import read_advert, read_token
from farm.client import Client
from farm.errors import FarmError
from farm.fleet.adb import SERVER_ENVIRONMENT, AdbServer
from farm.fleet.program import adb_program

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from farm.settings import Settings
    from farm.virtual import VirtualPhone

START_S = 120.0
READY_S = 600.0
T = TypeVar("T")
FARM_TOML = """\
data = "data"
[api]
port = {api}
[adb]
port = {adb}
deadline_s = 5.0
poll_s = 1.0
[run]
attempts = 3
lease_s = 20.0
device_wait_s = 120.0
retry_s = 1.0
conditions_retry_s = 3.0
conditions_wait_s = 120.0
[fleet]
probe_s = 5.0
answer_s = 3.0
vitals_s = 5.0
quarantine_after = 1000
golden = {golden}
[conditions]
cooldown_s = 2.0
load_max = 1.0
host_cpu_lock = false
[samples]
idle_s = 0.0
[sentinel]
at = ""
"""
"""Impatient: what a lab waits minutes for, this one waits seconds for. No quarantine: every phone here is that bad.
Nobody reads the times, so that no run waits for another's."""


@dataclass
class Lab:
    """`folder` holds farm.toml, the data folder and the logs."""

    folder: Path
    phones: list[VirtualPhone]
    adb_port: int
    api_port: int
    log: IO[bytes]
    daemon: subprocess.Popen[bytes] | None = None
    adb: subprocess.Popen[bytes] | None = None
    kills: dict[str, int] = field(default_factory=lambda: {"daemon": 0, "adb": 0})

    @property
    def settings(self) -> Settings:
        """As the daemon has them."""
        return settings.load(self.folder / "farm.toml")

    def start_adb(self) -> None:
        """A server on our port; the daemon may have been faster, which is as good."""
        if self.adb is not None and self.adb.poll() is None:
            return
        self.adb = subprocess.Popen(
            [adb_program(), "-P", str(self.adb_port), "nodaemon", "server"],
            env=os.environ | SERVER_ENVIRONMENT | {"ADB_USB": "0", "ADB_EMU": "0"},
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
        )  # fmt: skip

    def start_daemon(self) -> None:
        """`farm up`, as a lab owner runs it."""
        self.daemon = subprocess.Popen(
            [sys.executable, "-m", "farm", "--config", str(self.folder / "farm.toml"), "up"],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, cwd=self.folder,
            env=os.environ | {"PYTHONFAULTHANDLER": "1"},
        )  # fmt: skip

    def kill_daemon(self) -> None:
        """With -9, and a new one after it."""
        assert self.daemon is not None
        self.daemon.kill()
        self.daemon.wait()
        self.kills["daemon"] += 1
        self.start_daemon()

    def kill_adb(self) -> None:
        """With -9; whoever started it."""
        for process in _listeners(self.adb_port):
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        if self.adb is not None:
            self.adb.wait()
        self.kills["adb"] += 1
        time.sleep(0.5)
        self.start_adb()

    def drain(self) -> None:
        """End the daemon as a lab owner does; of one that does not end, the log gets what its threads are at."""
        assert self.daemon is not None
        self.daemon.terminate()
        try:
            self.daemon.wait(START_S)
        except subprocess.TimeoutExpired:
            self.daemon.send_signal(signal.SIGABRT)
            self.daemon.wait()
            log = (self.folder / "lab.log").read_text("utf-8", "replace")
            raise AssertionError(f"the daemon did not end within {START_S:g} s:\n{log[-20_000:]}") from None

    def client(self) -> Client:
        """Of the daemon at work; waits for it."""
        data = self.settings.data
        deadline = time.monotonic() + START_S
        while True:
            told, token = read_advert(data), read_token(data)
            if told is not None and token is not None and self.daemon is not None and told.pid == self.daemon.pid:
                return Client.at(told.url, token)
            if self.daemon is not None and self.daemon.poll() is not None:
                raise AssertionError(f"the daemon ended by itself, with {self.daemon.returncode}: see {self.log.name}")
            assert time.monotonic() < deadline, "the daemon did not start"
            time.sleep(0.05)

    def ask(self, question: Callable[[Client], T]) -> T:
        """Ask until a daemon answers: they come and go."""
        deadline = time.monotonic() + START_S
        while True:
            try:
                with self.client() as client:
                    return question(client)
            except FarmError as e:
                if e.kind != "infrastructure" or time.monotonic() > deadline:
                    raise
                time.sleep(0.2)


@contextlib.contextmanager
def lab(folder: Path, phones: int, *, golden: bool = True) -> Iterator[Lab]:
    """A lab with so many phones, up and enrolled (with the golden model or without); all of it ends with the context."""
    adb_port, api_port = _free_ports(2)
    (folder / "farm.toml").write_text(FARM_TOML.format(adb=adb_port, api=api_port, golden=str(golden).lower()), "utf-8")
    with (folder / "lab.log").open("wb") as log:
        made = Lab(folder, [], adb_port, api_port, log)
        home = made.settings.data / "virtual"
        try:
            made.phones = virtual.up(home, phones, owner_pid=os.getpid(), reboot_s=3.0)
            made.start_adb()
            made.start_daemon()
            made.ask(lambda client: _until(lambda: sum(d.condition == "ready" for d in client.devices()) >= phones))
            yield made
        finally:
            if made.daemon is not None:
                made.daemon.kill()
                made.daemon.wait()
            virtual.down(home)
            for process in _listeners(adb_port):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)
            if made.adb is not None:
                made.adb.wait()


def server(of: Lab) -> AdbServer:
    """The lab's adb server."""
    return AdbServer("127.0.0.1", of.adb_port)


def _until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + READY_S
    while not holds():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.5)


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def _listeners(port: int) -> list[int]:
    """Processes that listen on a port of loopback."""
    found = psutil.net_connections("tcp")
    return [c.pid for c in found if c.pid and c.status == psutil.CONN_LISTEN and c.laddr and c.laddr.port == port]
