"""This computer beside a virtual phone, which it stands for: its load and its clock, by psutil."""

from __future__ import annotations

import time

import psutil

from farm import host_cpu
from farm.run.samplers.watcher import Told, Watcher


class Computer(Watcher):
    """A virtual phone's clock is this computer's: its times need no offset."""

    by = "psutil"

    def __init__(self, period_s: float) -> None:
        super().__init__(period_s)
        self._before = psutil.cpu_times()

    def read(self) -> list[Told]:
        """See Watcher."""
        began = time.monotonic_ns()
        now = psutil.cpu_times()
        passed = [b - a for a, b in zip(self._before, now, strict=True)]
        self._before = now
        megahertz = host_cpu.megahertz()
        available = psutil.virtual_memory().available / (1 << 20)
        ended = time.monotonic_ns()
        found = [Told(began, ended, "computer/available_memory", "memory", "MiB", available)]
        idle = passed[now._fields.index("idle")]
        if sum(passed) > 0:
            load = min(1.0, max(0.0, 1 - idle / sum(passed)))
            found.append(Told(began, ended, "computer/load", "load", "share", load))
        if megahertz is not None:
            found.append(Told(began, ended, "computer/clock", "clock", "MHz", megahertz))
        return found
