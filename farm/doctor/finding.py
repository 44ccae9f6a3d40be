"""One thing that was looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["ok", "warn", "fail"]


@dataclass(frozen=True)
class Finding:
    """`fail`: the farm, or a part of it, cannot work so. `warn`: it works, and somebody will wonder one day."""

    area: str
    """adb, usb, kernel, virtual, disk, clock, runtime, data."""
    level: Level
    what: str
    remedy: str = ""


def found(area: str, level: Level, what: str, remedy: str = "") -> Finding:
    """A finding; the remedy of what is well is not told."""
    return Finding(area, level, what, "" if level == "ok" else remedy)
