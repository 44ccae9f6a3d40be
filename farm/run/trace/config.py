"""What a trace holds: Perfetto's TraceConfig, as bytes.

Binary, since Android 9 takes no text, and since what an older version does not know (rails before Android 10) is then left out
instead of refused. Field numbers: protos/perfetto/config in Perfetto's sources; `tests/run/test_trace.py` holds them.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from farm.run.trace.wire import put

if TYPE_CHECKING:
    from farm.sections.devices import Trace

EVENTS = (
    "sched/sched_switch", "task/task_newtask", "task/task_rename", "power/cpu_frequency", "power/cpu_frequency_limits",
    "power/cpu_idle", "power/suspend_resume", "thermal/thermal_temperature",
)  # fmt: skip
"""Of the kernel; those it does not have, or shows no shell, are left out by Perfetto."""
BATTERY = (1, 2, 3, 4, 5)
"""Charge, percent, current, its average, voltage."""
BUFFER_KB = 16 << 10
"""Of the kernel's events; written to the file long before it is full."""
SLOW_KB = 1 << 10
"""Of everything else, in a buffer of its own: no burst of events may push out a rail."""
KERNEL_KB = 4 << 10
"""Of the kernel, for each CPU."""
DRAIN_MS = 500
WRITE_MS = 2500
FLUSH_MS = 10_000
_EVENTS_BUFFER, _SLOW_BUFFER = 0, 1


def config(settings: Trace, seconds: float) -> bytes:
    """A trace of at most so many seconds, and of at most `settings.size_mb`: it ends by itself when either is over."""
    ftrace = b"".join(put(1, event) for event in EVENTS) + put(10, KERNEL_KB) + put(11, DRAIN_MS)
    power = put(1, settings.poll_ms) + b"".join(put(2, counter) for counter in BATTERY) + put(3, value=True)
    return b"".join(
        (
            put(1, put(1, BUFFER_KB)),
            put(1, put(1, SLOW_KB)),
            _source("linux.ftrace", _EVENTS_BUFFER, 100, ftrace),
            _source("linux.process_stats", _SLOW_BUFFER, 103, put(2, value=True)),
            _source("android.power", _SLOW_BUFFER, 106, power),
            _source("linux.system_info", _SLOW_BUFFER),
            put(3, math.ceil(seconds * 1000)),  # duration_ms
            put(8, value=True),  # write_into_file
            put(9, WRITE_MS),
            put(10, settings.size_mb << 20),  # max_file_size_bytes
            put(13, FLUSH_MS),
        )
    )


def _source(name: str, buffer: int, number: int = 0, content: bytes = b"") -> bytes:
    inner = put(1, name) + put(2, buffer) + (put(number, content) if number else b"")
    return put(2, put(1, inner))
