"""An external power meter: a program of the lab's that prints lines `UNIX_SECONDS WATTS` as long as it runs."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import time
from typing import TYPE_CHECKING

from farm.errors import InfrastructureError
from farm.run.samplers.watcher import Told, Watcher

if TYPE_CHECKING:
    from collections.abc import Sequence

LINE_BYTES = 4096
FIRST_S = 5.0
"""A meter that takes longer for its first line is not waited for."""
SOURCE = "meter/watts"
UNREADABLE = 10
"""So many lines that cannot be read are one problem, not chance."""


class Meter(Watcher):
    """`command` is an argument list, never a shell's line; {serial} in it is the device's."""

    by = "meter"

    def __init__(self, command: Sequence[str], serial: str) -> None:
        super().__init__(0.0)
        self._argv = [word.replace("{serial}", serial) for word in command]
        self._process: subprocess.Popen[bytes] | None = None
        self._rest = b""
        self._unreadable = 0

    def start(self) -> None:
        """See Watcher; waits a moment for the first line, so that the idle baseline has some."""
        try:
            self._process = subprocess.Popen(
                self._argv,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        except OSError as e:
            self.problem = f"cannot be started: {e.strerror}"
            return
        super().start()
        until = time.monotonic() + FIRST_S
        while not self._told and not self.problem and time.monotonic() < until:
            time.sleep(0.02)

    def stop(self) -> None:
        """See Watcher."""
        self._stopping.set()
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                if self._process.poll() is None:
                    os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        super().stop()
        if self._process is not None and self._process.stdout is not None and not self._thread.is_alive():
            self._process.stdout.close()

    def read(self) -> list[Told]:
        """See Watcher: the lines since the last time, at least one, or the end."""
        assert self._process is not None  # noqa: S101  # started
        assert self._process.stdout is not None  # noqa: S101  # a pipe
        descriptor = self._process.stdout.fileno()
        while True:
            if not select.select([descriptor], [], [], 0.2)[0]:
                if self._stopping.is_set():
                    return []
                continue
            data = os.read(descriptor, 1 << 16)
            if not data:
                raise InfrastructureError(
                    f"ended with status {self._process.wait()} before the pass did", where=self._argv[0]
                )
            *lines, self._rest = (self._rest + data).split(b"\n")
            self._rest = self._rest[-LINE_BYTES:]
            found = [told for line in lines if (told := self._line(line)) is not None]
            if self._unreadable >= UNREADABLE and not found:
                raise InfrastructureError(f"{self._unreadable} lines are no `UNIX_SECONDS WATTS`", where=self._argv[0])
            if found:
                return found

    def _line(self, line: bytes) -> Told | None:
        found = parse(line)
        if found is None:
            self._unreadable += bool(line.strip())
            return None
        seconds, watts = found
        here = time.monotonic_ns() + round(seconds * 1e9) - time.time_ns()
        return Told(here, here, SOURCE, "power", "W", watts)


def parse(line: bytes) -> tuple[float, float] | None:
    """Unix seconds and watts of a line; None when it is none."""
    words = line[:LINE_BYTES].split()
    try:
        seconds, watts = (float(word) for word in words)
    except ValueError:
        return None
    return (seconds, watts) if 0 < seconds < 1e11 and abs(watts) < 1e5 else None
