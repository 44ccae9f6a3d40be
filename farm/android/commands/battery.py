"""What a device says of its battery."""

from __future__ import annotations

import re
from dataclasses import dataclass

from farm.android.command import Command, fixed, of_text

STATUS = {1: "unknown", 2: "charging", 3: "discharging", 4: "not charging", 5: "full"}
"""BatteryManager.BATTERY_STATUS_*."""


@dataclass(frozen=True)
class Battery:
    """From `dumpsys battery`. None: not told."""

    level: int | None
    """Percent."""
    status: str | None
    temperature_c: float | None
    frozen: bool
    """Somebody froze the service (`UPDATES STOPPED`): the figures are old."""


def parse_figures(text: str) -> dict[str, int]:
    """The lines of `dumpsys battery` that are a word and a number: tenths of a degree, mV, ..."""
    found = re.finditer(r"^\s*([A-Za-z ]+):\s*(-?\d{1,9})\s*$", text, re.MULTILINE)
    return {m[1].strip().lower(): int(m[2]) for m in found}


def is_frozen(text: str) -> bool:
    """Whether somebody set the figures by hand."""
    return "UPDATES STOPPED" in text


def parse_battery(text: str) -> Battery:
    """Read `dumpsys battery`; lines that are not understood count as not told."""
    numbers = parse_figures(text)
    temperature = numbers.get("temperature")
    return Battery(
        level=numbers.get("level"),
        status=STATUS.get(numbers.get("status", 0)),
        temperature_c=None if temperature is None else temperature / 10,
        frozen=is_frozen(text),
    )


def parse_current(text: str) -> int | None:
    """The current now, in the maker's unit and sign; None where the service has no such word."""
    told = text.strip()
    return int(told) if re.fullmatch(r"-?\d{1,12}", told) else None


dump = Command(
    "battery.dump", fixed("dumpsys battery"), of_text(parse_battery),
    source="BatteryService.dumpInternal",
    recorded=(
        "battery-samsung", "battery-nexus", "battery-frozen", "battery-hyperos-3", "battery-lineageos-20",
    ),
)  # fmt: skip
current = Command(
    "battery.current", fixed("cmd battery get -f current_now"), of_text(parse_current),
    source="BatteryService.onShellCommand; older ones have `get` without this word",
    since=35,
    recorded=("cmd-battery",),
)  # fmt: skip
