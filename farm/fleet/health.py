"""What a device says of its battery and its heat, out of dumpsys. Pure parsers, and one function that asks."""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from farm.errors import FarmError

if TYPE_CHECKING:
    from farm.fleet.adb import AdbDevice

DEADLINE_S = 10.0
BATTERY_STATUS = {1: "unknown", 2: "charging", 3: "discharging", 4: "not charging", 5: "full"}
THERMAL_STATUS = {0: "none", 1: "light", 2: "moderate", 3: "severe", 4: "critical", 5: "emergency", 6: "shutdown"}


@dataclass(frozen=True)
class Battery:
    """From `dumpsys battery`. None: not told."""

    level: int | None
    """Percent."""
    status: str | None
    temperature_c: float | None
    frozen: bool
    """Somebody froze the service (`UPDATES STOPPED`): the figures are old."""


def parse_battery(text: str) -> Battery:
    """Read `dumpsys battery`; lines that are not understood count as not told."""
    numbers = {m[1].lower(): int(m[2]) for m in re.finditer(r"^\s*([A-Za-z ]+):\s*(-?\d{1,9})\s*$", text, re.MULTILINE)}
    temperature = numbers.get("temperature")
    return Battery(
        level=numbers.get("level"),
        status=BATTERY_STATUS.get(numbers.get("status", 0)),
        temperature_c=None if temperature is None else temperature / 10,
        frozen="UPDATES STOPPED" in text,
    )


def parse_thermal_status(text: str) -> str | None:
    """The status of `dumpsys thermalservice` (Android 10 and later); None when it is not told, or overridden."""
    if re.search(r"IsStatusOverride:\s*true", text):
        return None
    found = re.search(r"^Thermal Status:\s*(\d+)", text, re.MULTILINE)
    return THERMAL_STATUS.get(int(found[1])) if found else None


def conditions(device: AdbDevice) -> dict[str, str]:
    """Battery and heat now, as words for the run's conditions. What a device does not tell is left out."""
    told: dict[str, str] = {}
    with contextlib.suppress(FarmError):
        battery = parse_battery(device.shell(["dumpsys", "battery"], DEADLINE_S).text)
        if battery.level is not None:
            told["battery"] = f"{battery.level} %{f', {battery.status}' if battery.status else ''}"
        if battery.temperature_c is not None:
            told["battery_temperature"] = f"{battery.temperature_c:.1f} C"
        if battery.frozen:
            told["battery_frozen"] = "yes"
    with contextlib.suppress(FarmError):
        status = parse_thermal_status(device.shell(["dumpsys", "thermalservice"], DEADLINE_S).text)
        if status is not None:
            told["thermal_status"] = status
    return told
