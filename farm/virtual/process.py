"""A process on the host, named so that a reused process id is never mistaken for it."""

from __future__ import annotations

import os
import select
import signal
from dataclasses import dataclass
from pathlib import Path

_START_TIME = 19  # field 22 of /proc/PID/stat, counted from behind the program's name


@dataclass(frozen=True)
class Process:
    """A process by its id, its start (clock ticks since boot) and the boot it belongs to."""

    pid: int
    start: int
    boot: str

    @classmethod
    def of(cls, pid: int) -> Process:
        """The process that has `pid` now.

        Raises:
            ProcessLookupError: none has.
        """
        start = _start(pid)
        if start is None:
            raise ProcessLookupError(pid)
        return cls(pid, start, _boot())

    def alive(self) -> bool:
        """Whether it still runs (or is frozen); a zombie does not."""
        return self.boot == _boot() and _start(self.pid) == self.start

    def send(self, number: signal.Signals) -> bool:
        """Signal it; False if it has ended."""
        try:
            handle = os.pidfd_open(self.pid)
        except ProcessLookupError:
            return False
        try:
            # Looked at after the handle was opened: the handle is of this very process.
            if not self.alive():
                return False
            signal.pidfd_send_signal(handle, number)
        except ProcessLookupError:
            return False
        finally:
            os.close(handle)
        return True

    def wait(self, seconds: float) -> bool:
        """Wait for its end, at most `seconds`; False if it has not come."""
        try:
            handle = os.pidfd_open(self.pid)
        except ProcessLookupError:
            return True
        try:
            if not self.alive():
                return True
            poll = select.poll()
            poll.register(handle, select.POLLIN)
            return bool(poll.poll(seconds * 1000))
        finally:
            os.close(handle)


def _boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def _start(pid: int) -> int | None:
    try:
        text = Path("/proc", str(pid), "stat").read_text(errors="replace")
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()
    return None if fields[0] in {"Z", "X"} else int(fields[_START_TIME])
