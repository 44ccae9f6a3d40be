"""The adb server and its devices, each call inside a wall-clock deadline of ours.

adbutils' `timeout=` bounds one read, not a call: a shell that prints slowly for ever runs on, and some calls hang on a frozen
device whatever the timeout. So a timer of ours shuts the socket down when the time is over, which wakes whoever waits on it.
"""

from __future__ import annotations

import contextlib
import os
import select
import shlex
import socket
import struct
import subprocess
import threading
import time
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, TypeVar

from adbutils.errors import AdbError as AdbutilsError

from farm.android.command import Said
from farm.android.commands import properties
from farm.errors import AdbError, DeadlineError, DeviceGoneError, FarmError, StorageError
from farm.fleet.connection import Connection
from farm.fleet.program import adb_program

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from farm.android.command import Line

T = TypeVar("T")
STDIN, STDOUT, STDERR, EXIT, CLOSE_STDIN = range(5)
CHUNK = 64 << 10  # what sync allows a DATA packet; adbutils' 4 KiB cost half the speed
OUTPUT_LIMIT = 16 << 20
TOGETHER_S = 0.5
IDLE_S = 1.0
SERVER_ENVIRONMENT = {
    "ADB_MDNS": "0",  # or the server listens on every interface
    "ADB_LOCAL_TRANSPORT_MAX_PORT": "5554",  # or odd ports become emulators by themselves
}
FEATURES_S = 2.0
NO_SPACE = "No space left on device"


@dataclass(frozen=True)
class AdbServer:
    """An adb server. Never killed by us: others may use it."""

    host: str = "127.0.0.1"
    port: int = 5037

    @property
    def where(self) -> str:
        """For messages."""
        return f"adb server {self.host}:{self.port}"

    def ensure(self) -> None:
        """Start the server if it does not run (on this machine only).

        Raises:
            AdbError: it does not run and cannot be started.
        """
        with contextlib.suppress(OSError), socket.create_connection((self.host, self.port), timeout=3):
            return
        if self.host not in {"127.0.0.1", "localhost", "::1"}:
            raise AdbError("does not answer", where=self.where, remedy="start it there: adb -a nodaemon server start")
        done = subprocess.run(
            [adb_program(), "-P", str(self.port), "start-server"],
            env=os.environ | SERVER_ENVIRONMENT, capture_output=True, text=True, timeout=30, check=False,
        )  # fmt: skip
        if done.returncode:
            raise AdbError(
                f"cannot be started: {done.stderr.strip()}",
                where=self.where,
                remedy="is the port taken by another program?",
            )

    def connect(self, endpoint: str, deadline_s: float = 15) -> None:
        """Attach a device that listens on TCP.

        Raises:
            AdbError: it did not answer as a device (adb itself reports success all the same; its text tells).
        """
        text = self._ask(f"host:connect:{endpoint}", deadline_s)
        if text.startswith(("connected to", "already connected to")):
            return
        over = time.monotonic() + TOGETHER_S
        while time.monotonic() < over:  # of two who connect it at once, adb tells one that it failed
            if self.states(deadline_s).get(endpoint) == "device":
                return
            time.sleep(0.05)
        raise AdbError(text, where=self.where, remedy=f"is anything listening on {endpoint}?")

    def disconnect(self, endpoint: str, deadline_s: float = 5) -> None:
        """Detach a device on TCP; none attached is fine."""
        with contextlib.suppress(AdbError):
            self._ask(f"host:disconnect:{endpoint}", deadline_s)

    def states(self, deadline_s: float = 5) -> dict[str, str]:
        """adb's own idea of each serial's state. `device` is no proof of life."""
        pairs = (line.split("\t", 1) for line in self._ask("host:devices", deadline_s).splitlines())
        return {pair[0]: pair[1].strip() for pair in pairs if len(pair) == 2}

    def device(self, serial: str) -> AdbDevice:
        """A handle; nothing is sent yet."""
        return AdbDevice(self, serial)

    @contextlib.contextmanager
    def open(self, services: Sequence[str], deadline_s: float, what: str) -> Iterator[Connection]:
        """A connection on which the server agreed to each of `services`, closed at the latest `deadline_s` from now.

        Raises:
            DeadlineError: the time was over.
            DeviceGoneError: the device left.
            AdbError: the server cannot be reached, or refused.
        """
        try:
            connection = Connection(self.host, self.port)
        except OSError as e:
            raise AdbError(f"does not answer ({e})", where=self.where, remedy="start it: adb start-server") from e
        with _deadline(connection, deadline_s, what), _translated(what):
            try:
                for service in services:
                    connection.send_command(service)
                    connection.check_okay()
                yield connection
            finally:
                with contextlib.suppress(OSError):
                    connection.conn.close()

    def _ask(self, service: str, deadline_s: float) -> str:
        with self.open([service], deadline_s, self.where) as connection:
            text: str = connection.read_string_block()
            return text


@contextlib.contextmanager
def _deadline(connection: Connection, seconds: float, what: str) -> Iterator[None]:
    over = threading.Event()
    sock = connection.conn

    def close() -> None:
        over.set()
        with contextlib.suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(seconds, close)
    timer.daemon = True
    timer.start()
    try:
        yield
    except Exception as e:
        if over.is_set():
            raise DeadlineError(
                f"no end after {seconds:g} s", where=what, remedy="check the cable; `farm devices` shows who answers"
            ) from e
        raise
    finally:
        timer.cancel()


@contextlib.contextmanager
def _translated(what: str) -> Iterator[None]:
    """adbutils' and the socket's errors, as ours."""
    try:
        yield
    except AdbutilsError as e:
        text = str(e)
        # adbutils' way to say that the server closed instead of answering is "Unknown data: b''".
        gone = any(word in text for word in ("not found", "offline", "closed", "Unknown data: b''"))
        human = "unlock the device and allow this computer" if "unauthorized" in text else "see `farm devices`"
        raise (DeviceGoneError if gone else AdbError)(text, where=what, remedy=human) from e
    except (EOFError, OSError, struct.error) as e:
        raise DeviceGoneError(
            f"the connection broke off ({e or type(e).__name__})",
            where=what,
            remedy="check the cable and `farm devices`",
        ) from e


def _pieces(parts: Iterable[bytes]) -> Iterator[bytes]:
    return (part[start : start + CHUNK] for part in parts for start in range(0, len(part), CHUNK))


@dataclass(frozen=True)
class ShellResult:
    """What a command on a device said and how it ended."""

    stdout: bytes
    stderr: bytes
    exit_code: int

    @property
    def text(self) -> str:
        """stdout as text, without the last newline."""
        return self.stdout.decode("utf-8", "replace").rstrip("\n")

    @property
    def said(self) -> Said:
        """The same, for a command's reader."""
        return Said(self.text, self.stderr.decode("utf-8", "replace"), self.exit_code)


@dataclass(frozen=True)
class PushItem:
    """A file to be: its content in parts, and where it goes."""

    remote: str
    parts: Callable[[], Iterable[bytes]]
    mode: int = 0o644


@dataclass(frozen=True)
class AdbDevice:
    """One device. Every method raises DeadlineError, DeviceGoneError or AdbError; none waits longer than its deadline."""

    server: AdbServer
    serial: str

    def ask(self, line: Line[T], deadline_s: float) -> T:
        """Send a command of the catalogue (`farm.android`); what its answer says."""
        return line.read(self.send(line, deadline_s).said)

    def send(
        self,
        line: Line[Any],
        deadline_s: float,
        *,
        on_stdout: Callable[[bytes], None] | None = None,
        on_stderr: Callable[[bytes], None] | None = None,
        on_idle: Callable[[], None] | None = None,
    ) -> ShellResult:
        """Send a command of the catalogue; its answer as it came. The rest as in `shell`."""
        return self.script(line.text, deadline_s, on_stdout=on_stdout, on_stderr=on_stderr, on_idle=on_idle)

    def shell(
        self,
        argv: Sequence[str],
        deadline_s: float,
        *,
        on_stdout: Callable[[bytes], None] | None = None,
        on_stderr: Callable[[bytes], None] | None = None,
        on_idle: Callable[[], None] | None = None,
    ) -> ShellResult:
        """Run a program with arguments, each quoted: nothing in them is the shell's to read.

        With `on_stdout` that output goes there as it comes, and is not kept; `on_stderr` gets a copy. `on_idle` is called
        about once a second of silence; what it raises ends the command.
        """
        return self.script(shlex.join(argv), deadline_s, on_stdout=on_stdout, on_stderr=on_stderr, on_idle=on_idle)

    def script(
        self,
        command: str,
        deadline_s: float,
        *,
        on_stdout: Callable[[bytes], None] | None = None,
        on_stderr: Callable[[bytes], None] | None = None,
        on_idle: Callable[[], None] | None = None,
    ) -> ShellResult:
        """Run a shell command line of our own making; what comes from users goes through `shlex.quote` first."""
        what = f"{self.serial}: {command[:60]}"
        kept = {STDOUT: bytearray(), STDERR: bytearray()}
        sinks = {STDOUT: on_stdout or kept[STDOUT].extend, STDERR: kept[STDERR].extend}
        seen = 0
        with self._open(f"shell,v2,raw:{command}", deadline_s, what) as connection:
            while True:
                while on_idle is not None and not select.select([connection.conn], [], [], IDLE_S)[0]:
                    on_idle()
                head = connection.read(5)
                if len(head) < 5:
                    # Closed without an exit packet: not a program that ended, whatever `adb shell` would say.
                    raise DeviceGoneError(
                        "the device left before the command ended", where=what, remedy="see `farm devices`"
                    )
                kind, length = struct.unpack("<BI", head)
                data = connection.read_exact(length)
                if kind == EXIT:
                    return ShellResult(bytes(kept[STDOUT]), bytes(kept[STDERR]), data[0])
                seen += length
                if seen > OUTPUT_LIMIT:
                    raise AdbError(
                        f"printed more than {OUTPUT_LIMIT >> 20} MiB", where=what, remedy="is the device sound?"
                    )
                if kind in sinks:
                    sinks[kind](data)
                if kind == STDERR and on_stderr is not None:
                    on_stderr(data)

    def push(
        self, items: Iterable[PushItem], deadline_s: float, *, on_bytes: Callable[[int], None] | None = None
    ) -> int:
        """Write files through one sync session; the number of bytes sent.

        Raises:
            StorageError: no room on the device.
        """
        sent = 0
        what = f"{self.serial}: push"
        with self._open("sync:", deadline_s, what) as connection:
            for item in items:
                target = f"{item.remote},{item.mode | 0o100000}".encode()
                connection.conn.sendall(b"SEND" + struct.pack("<I", len(target)) + target)
                try:
                    for piece in _pieces(item.parts()):
                        connection.conn.sendall(b"DATA" + struct.pack("<I", len(piece)) + piece)
                        sent += len(piece)
                        if on_bytes is not None:
                            on_bytes(len(piece))
                    connection.conn.sendall(b"DONE" + struct.pack("<I", int(time.time())))
                except OSError:
                    self._sync_answer(connection, f"{what} {item.remote}")  # a refusal says more than a broken pipe
                    raise
                self._sync_answer(connection, f"{what} {item.remote}")
        return sent

    def pull(
        self, remote: str, file: IO[bytes], deadline_s: float, *, on_bytes: Callable[[int], None] | None = None
    ) -> int:
        """Copy a file from the device into `file`; its size in bytes.

        Raises:
            AdbError: no such file, or not readable.
        """
        what = f"{self.serial}: pull {remote}"
        size = 0
        with self._open("sync:", deadline_s, what) as connection:
            name = remote.encode()
            connection.conn.sendall(b"RECV" + struct.pack("<I", len(name)) + name)
            while True:
                mark, length = struct.unpack("<4sI", connection.read_exact(8))
                if mark == b"DONE":
                    return size
                data = connection.read_exact(length)
                if mark == b"FAIL":
                    raise AdbError(data.decode("utf-8", "replace"), where=what, remedy="")
                file.write(data)
                size += length
                if on_bytes is not None:
                    on_bytes(length)

    def properties(self, deadline_s: float) -> dict[str, str]:
        """All of getprop."""
        return self.ask(properties.every(), deadline_s)

    @contextlib.contextmanager
    def _open(self, service: str, deadline_s: float, what: str) -> Iterator[Connection]:
        try:
            with self.server.open([f"host:transport:{self.serial}", service], deadline_s, what) as connection:
                yield connection
        except DeviceGoneError as e:
            if service.startswith("shell,v2") and "closed" in e.message and "shell_v2" not in self._features():
                raise AdbError(
                    "tells no exit codes: it is older than Android 7", where=self.serial, remedy="take a newer device"
                ) from e
            raise

    def _features(self) -> str:
        """What the device told adb that it can; all that is asked for when it does not say."""
        try:
            return self.server._ask(f"host-serial:{self.serial}:features", FEATURES_S)
        except FarmError:
            return "shell_v2"

    def _sync_answer(self, connection: Connection, what: str) -> None:
        mark, length = struct.unpack("<4sI", connection.read_exact(8))
        if mark == b"OKAY":
            return
        text = connection.read_exact(length).decode("utf-8", "replace") if mark == b"FAIL" else f"answered {mark!r}"
        if NO_SPACE in text:
            raise StorageError("no room left on the device", where=what, remedy="free some of /data/local/tmp")
        raise AdbError(text, where=what, remedy="see `farm devices`")
