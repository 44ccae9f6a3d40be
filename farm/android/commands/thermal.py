"""What a device says of its heat."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from farm.android.command import Command, fixed, of_text

if TYPE_CHECKING:
    from collections.abc import Iterator

STATUS = {0: "none", 1: "light", 2: "moderate", 3: "severe", 4: "critical", 5: "emergency", 6: "shutdown"}
"""PowerManager.THERMAL_STATUS_*."""
SENSOR = re.compile(
    r"Temperature\{mValue=(?P<degrees>[^,]+), mType=(?P<type>\d+), mName=.*, mStatus=(?P<status>\d{1,3})\}"
)
SKIN_TYPE = "3"
"""Android's android.hardware.thermal.TemperatureType: what throttling goes by."""


@dataclass(frozen=True)
class Thermal:
    """From `dumpsys thermalservice`. None: not told."""

    status: str | None
    overridden: bool
    """Somebody set the status by hand: it says nothing."""
    skin_c: float | None
    """The hottest skin sensor, degrees Celsius."""


def parse_thermal(text: str) -> Thermal:
    """Read `dumpsys thermalservice`."""
    return Thermal(parse_status(text), is_overridden(text), parse_skin(text))


def is_overridden(text: str) -> bool:
    """Whether somebody set the status by hand."""
    return re.search(r"IsStatusOverride:\s*true", text) is not None


def parse_status(text: str) -> str | None:
    """The worst of what the service says of the phone and of its skin sensors.

    A phone may say 0 of itself while its skin sensor is throttled. A sensor at 0.0 degrees tells nothing, and only the section
    `Current temperatures from HAL` is of now. None when no status is told, or somebody overrides it.
    """
    if is_overridden(text):
        return None
    told = [int(m[1]) for m in re.finditer(r"^Thermal Status:\s*(\d{1,3})\s*$", text, re.MULTILINE)]
    told += [int(s["status"]) for s in _skin(text) if s["degrees"].strip("-0.")]
    known = [status for status in told if status in STATUS]
    return STATUS[max(known)] if known else None


def parse_skin(text: str) -> float | None:
    """The hottest skin sensor now; those at 0.0 tell nothing."""
    numbers = [re.fullmatch(r"-?\d{1,4}(?:\.\d{1,10})?", s["degrees"].strip()) for s in _skin(text)]
    found = [float(number[0]) for number in numbers if number and float(number[0]) != 0]
    return max(found) if found else None


def _skin(text: str) -> Iterator[re.Match[str]]:
    for line in text.partition("\nCurrent temperatures from HAL:")[2].splitlines()[1:]:
        sensor = SENSOR.fullmatch(line.strip())
        if sensor is None:
            return
        if sensor["type"] == SKIN_TYPE:
            yield sensor


dump = Command(
    "thermal.dump", fixed("dumpsys thermalservice"), of_text(parse_thermal),
    source="ThermalManagerService.dump",
    since=29,
    recorded=(
        "thermalservice-xiaomi-13t-pro", "thermalservice-xiaomi-13t-pro-hot", "thermalservice-pixel-3",
        "thermalservice-shield",
    ),
)  # fmt: skip
