"""adb: which programs there are, which server runs, and whether they get along."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

from farm.doctor.finding import Finding, found
from farm.errors import FarmError
from farm.fleet.hosts import servers
from farm.fleet.program import adb_program

if TYPE_CHECKING:
    from collections.abc import Iterator

    from farm.fleet.adb import AdbServer
    from farm.settings import Settings

ANSWER_S = 3.0
LOCAL = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True)
class Version:
    """`protocol` is what client and server must agree on; where they do not, the client ends the server."""

    protocol: int
    release: str

    def __str__(self) -> str:
        return f"{self.release or '?'} (protocol {self.protocol})"


def parse_version(text: str) -> Version | None:
    """What `adb version` printed."""
    protocol = re.search(r"^Android Debug Bridge version \d+\.\d+\.(\d{1,6})\s*$", text, re.MULTILINE)
    release = re.search(r"^Version (\S{1,60})", text, re.MULTILINE)
    return None if protocol is None else Version(int(protocol[1]), release[1] if release else "")


def look(settings: Settings) -> Iterator[Finding]:
    """The programs, then each server."""
    try:
        program = adb_program()
        ours = _version(program)
    except FarmError as e:
        yield found("adb", "fail", str(e), e.remedy)
        return
    if ours is None:
        yield found("adb", "fail", f"{program} does not run", "install adb, or name one with ADBUTILS_ADB_PATH")
        return
    yield found("adb", "ok", f"the farm's adb is {ours}: {program}")
    other = shutil.which("adb")
    theirs = _version(other) if other is not None and other != program else None
    if theirs is not None:
        same = theirs.protocol == ours.protocol
        yield found(
            "adb", "ok" if same else "warn", f"adb in PATH is {theirs}: {other}",
            f"whoever types `adb` ends the farm's server and starts an older one: put {program} first in PATH",
        )  # fmt: skip
    for name, server in servers(settings).items():
        yield from _server(name, server, ours)


def server_protocol(server: AdbServer) -> int:
    """What the server speaks.

    Raises:
        AdbError: it does not answer, or not as an adb server does.
    """
    with server.open(["host:version"], ANSWER_S, server.where) as connection:
        return int(connection.read_string_block(), 16)


def _server(name: str, server: AdbServer, ours: Version) -> Iterator[Finding]:
    label = f"{name or '[adb]'}: {server.where}"
    try:
        protocol = server_protocol(server)
        states = server.states(ANSWER_S)
    except (FarmError, ValueError) as e:
        if name or server.host not in LOCAL:
            remedy = "start it there: adb -a nodaemon server start; check host and port in farm.toml"
            yield found("adb", "fail", f"{label} does not answer ({e})", remedy)
        else:
            yield found("adb", "ok", f"{label} does not run; the farm starts it when it needs it")
        return
    if protocol != ours.protocol:
        remedy = "end it with the adb that started it (adb kill-server), and let the farm start its own"
        yield found("adb", "warn", f"{label} speaks protocol {protocol}, not {ours.protocol}", remedy)
    else:
        yield found("adb", "ok", f"{label} answers, protocol {protocol}, {len(states)} devices")
    for serial, state in states.items():
        if state != "device":
            yield found("adb", "warn", f"{serial} is {state}", "see `farm devices` for what to do about it")


def _version(program: str) -> Version | None:
    try:
        done = subprocess.run([program, "version"], capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return parse_version(done.stdout)
