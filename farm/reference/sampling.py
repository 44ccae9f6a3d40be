"""Memory, load and clock of this computer beside a reference, by psutil: the rows that a device's agent logs of itself."""

from __future__ import annotations

import contextlib
import threading
import time
from typing import TYPE_CHECKING

import psutil

from farm import host_cpu
from farm.capture.rows import SampleRow

if TYPE_CHECKING:
    from collections.abc import Iterator

PERIOD_S = 0.2
TICKS_S = 100
"""As /proc counts: what the agent's rows are in."""
LIMIT = 200_000
"""Rows; a longer run is sampled at its beginning."""


@contextlib.contextmanager
def sampled() -> Iterator[list[SampleRow]]:
    """The rows of the block, all there when it ends. What psutil cannot tell is left out."""
    rows: list[SampleRow] = []
    over = threading.Event()
    process = psutil.Process()

    def watch() -> None:
        while not over.is_set() and len(rows) < LIMIT:
            rows.extend(_read(process))
            over.wait(PERIOD_S)

    thread = threading.Thread(target=watch, name="sampler", daemon=True)
    thread.start()
    try:
        yield rows
    finally:
        over.set()
        thread.join()


def _read(process: psutil.Process) -> list[SampleRow]:
    began = time.monotonic_ns()
    found: dict[str, float] = {}
    with contextlib.suppress(psutil.Error, OSError):
        times = psutil.cpu_times()
        found["load/busy_ticks"] = (sum(times) - times.idle) * TICKS_S
        found["load/all_ticks"] = sum(times) * TICKS_S
        found["memory/rss_bytes"] = process.memory_info().rss
        clock = host_cpu.megahertz()
        if clock is not None:
            found["clock/0/khz"] = clock * 1000
    ended = time.monotonic_ns()
    middle, took = (began + ended) // 2, ended - began
    return [
        SampleRow(time_ns=middle, took_ns=took, phase="frames", source=source, value=round(value))
        for source, value in found.items()
    ]
