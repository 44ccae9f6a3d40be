"""The processes of a phone, as the host sees them: what they used of the CPU, and holding them still for a moment."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from dataclasses import dataclass, field
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_STATE, _PARENT, _OWN, _CHILDREN, _START = 0, 1, (11, 12), (13, 14), 19
"""Fields of /proc/PID/stat, counted from behind the program's name."""
_STOP_SECONDS = 0.005


@dataclass
class Family:
    """All descendants of a phone's first process. It is not one of them: to stop it would be to stop what it starts."""

    first: int
    _held: list[int] = field(default_factory=list)
    """Handles of those stopped by us, parents before children."""

    def cpu_seconds(self) -> float:
        """The CPU time of all that ever ran here, those that ended included; may fall a little when one ends unwaited."""
        own = _stat(self.first)
        if own is None:
            return 0.0
        ticks = sum(int(own[i]) for i in _CHILDREN)
        for pid in self._descendants():
            fields = _stat(pid)
            if fields is not None:
                ticks += sum(int(fields[i]) for i in (*_OWN, *_CHILDREN))
        return ticks / _TICKS

    def alone(self) -> bool:
        """Whether nothing runs."""
        return not _children(self.first)

    def hold(self) -> None:
        """Stop everything. Parents stop before their children, so no shell takes a stopped child for a job."""
        waiting = [(pid, self.first) for pid in _children(self.first)]
        while waiting:
            pid, parent = waiting.pop(0)
            try:
                handle = os.pidfd_open(pid)
            except OSError:
                continue
            fields = _stat(pid)
            # Read after the handle was opened: a reused number has another parent. Who is stopped already, stays so.
            if fields is None or int(fields[_PARENT]) != parent or fields[_STATE] in "TtZX":
                os.close(handle)
                continue
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(handle, signal.SIGSTOP)
            self._held.append(handle)
            _await_stop(pid)
            waiting += [(child, pid) for child in _children(pid)]

    def release(self) -> None:
        """Let those go on that `hold` stopped, children before their parents."""
        while self._held:
            handle = self._held.pop()
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(handle, signal.SIGCONT)
            os.close(handle)

    def _descendants(self) -> list[int]:
        found = _children(self.first)
        for pid in found:  # grows while it goes
            found += _children(pid)
        return found


def _await_stop(pid: int) -> None:
    """Wait until it has stopped; who is inside the kernel for longer does nothing until it comes out, and stops then."""
    deadline = time.monotonic() + _STOP_SECONDS
    while time.monotonic() < deadline:
        fields = _stat(pid)
        if fields is None or fields[_STATE] in "TtZX":
            return
        os.sched_yield()


def _children(pid: int) -> list[int]:
    found: list[int] = []
    try:
        threads = os.listdir(f"/proc/{pid}/task")  # noqa: PTH208  # many times a second
    except OSError:
        return found
    for thread in threads:
        with contextlib.suppress(OSError, ValueError):
            found += map(int, Path(f"/proc/{pid}/task/{thread}/children").read_text().split())
    return found


def _stat(pid: int) -> list[str] | None:
    try:
        text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return None
    return text.rpartition(")")[2].split()
