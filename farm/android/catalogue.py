"""All commands, in one list."""

from __future__ import annotations

import importlib
import pkgutil
from typing import Any

from farm.android import commands
from farm.android.command import Command

ANDROID = {
    24: "7", 25: "7.1", 26: "8", 27: "8.1", 28: "9", 29: "10", 30: "11", 31: "12", 32: "12L", 33: "13", 34: "14", 35: "15",
    36: "16",
}  # fmt: skip
"""What people call an API level."""
LOOP = "the farm's own loop over nodes of /sys; a test gives its reader what single nodes were recorded to say"
SHOWN = 120
"""Characters of a line in the table."""
UNRECORDED = {
    "agent.holder": "two numbers, which the farm's own agent wrote",
    "files.matching": "a path a line; as files.names",
    "files.size": "a number alone",
    "kernel.cpu-count": "a number alone",
    "kernel.currents": LOOP,
    "kernel.nodes": LOOP,
    "kernel.policies": LOOP,
    "kernel.taskset": "a path alone",
    "kernel.zones": LOOP,
    "life.echo": "the word that was given",
    "perfetto.start": "no recording was found; a number alone, among the farm's own words",
    "perfetto.stop": "the farm's own words",
    "power.fixed-performance": "no recording was found; a refusal's words are AOSP's (PowerManagerShellCommand)",
    "power.try-fixed-performance": "as power.fixed-performance, and the farm's own word",
    "properties.booted": "1 alone",
    "window.picture": "a PNG",
}
"""Commands that print something of which nobody published a recording that was found; why, or what stands for it."""


def every() -> tuple[Command[Any, Any], ...]:
    """The commands, by name."""
    modules = [
        importlib.import_module(f"{commands.__name__}.{found.name}")
        for found in pkgutil.iter_modules(commands.__path__)
    ]
    found = {c.name: c for module in modules for c in vars(module).values() if isinstance(c, Command)}
    return tuple(found[name] for name in sorted(found))


def table() -> str:
    """For docs/android-commands.md."""
    rows = ["| command | line | Android | needs | printed by | recorded |", "|---|---|---|---|---|---|"]
    for c in every():
        whole = " ".join(c.shown.split())
        line = (whole if len(whole) <= SHOWN else f"{whole[:SHOWN]} ...").replace("|", "\\|")
        since = f"{ANDROID[c.since]} (API {c.since})"
        if c.until is not None:
            since = f"{ANDROID[c.since]} to {ANDROID[c.until]}" if c.until > c.since else f"{ANDROID[c.since]} alone"
        recorded = ", ".join(c.recorded) or ("no: see below" if c.prints else "prints nothing")
        rows.append(f"| {c.name} | ``{line}`` | {since} | {c.needs} | {c.source} | {recorded} |")
    return "\n".join(rows) + "\n"
