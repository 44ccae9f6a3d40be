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
SENSOR = re.compile(
    r"Temperature\{mValue=(?P<degrees>[^,]+), mType=(?P<type>\d+), mName=.*, mStatus=(?P<status>\d{1,3})\}"
)
SKIN_TYPE = "3"
"""Android's android.hardware.thermal.TemperatureType: what throttling goes by."""


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
    """The worst of what `dumpsys thermalservice` (Android 10 and later) says of the phone and of its skin sensors.

    A phone may say 0 of itself while its skin sensor is throttled. A sensor at 0.0 degrees tells nothing, and only the section
    `Current temperatures from HAL` is of now. None when no status is told, or somebody overrides it.
    """
    if re.search(r"IsStatusOverride:\s*true", text):
        return None
    told = [int(m[1]) for m in re.finditer(r"^Thermal Status:\s*(\d{1,3})\s*$", text, re.MULTILINE)]
    for line in text.partition("\nCurrent temperatures from HAL:")[2].splitlines()[1:]:
        sensor = SENSOR.fullmatch(line.strip())
        if sensor is None:
            break
        if sensor["type"] == SKIN_TYPE and sensor["degrees"].strip("-0."):
            told.append(int(sensor["status"]))
    known = [status for status in told if status in THERMAL_STATUS]
    return THERMAL_STATUS[max(known)] if known else None


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
