"""What a device says of its battery and its heat, for a run's conditions."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from farm.android.commands import battery, thermal
from farm.errors import FarmError

if TYPE_CHECKING:
    from farm.fleet.adb import AdbDevice

DEADLINE_S = 10.0


def conditions(device: AdbDevice) -> dict[str, str]:
    """Battery and heat now, as words for the run's conditions. What a device does not tell is left out."""
    told: dict[str, str] = {}
    with contextlib.suppress(FarmError):
        found = device.ask(battery.dump(), DEADLINE_S)
        if found.level is not None:
            told["battery"] = f"{found.level} %{f', {found.status}' if found.status else ''}"
        if found.temperature_c is not None:
            told["battery_temperature"] = f"{found.temperature_c:.1f} C"
        if found.frozen:
            told["battery_frozen"] = "yes"
    with contextlib.suppress(FarmError):
        status = device.ask(thermal.dump(), DEADLINE_S).status
        if status is not None:
            told["thermal_status"] = status
    return told
