"""Battery and heat by `dumpsys` and `cmd`, for phones that close /sys to the shell: slow, so rare."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from farm.android.commands import battery, thermal
from farm.android.script import together
from farm.run.conditions.gates import SEVERITY
from farm.run.samplers.watcher import Told, Watcher

if TYPE_CHECKING:
    from collections.abc import Mapping

    from farm.android.command import Line
    from farm.fleet.adb import AdbDevice

DEADLINE_S = 8.0
QUESTIONS: Mapping[str, Line[Any]] = {
    "battery": battery.dump(),
    "current": battery.current(),
    "thermal": thermal.dump(),
}


class Dumpsys(Watcher):
    """Asks through adb connections of its own."""

    by = "dumpsys"

    def __init__(self, device: AdbDevice, period_s: float) -> None:
        super().__init__(period_s)
        self._device = device

    def read(self) -> list[Told]:
        """See Watcher."""
        began = time.monotonic_ns()
        said = self._device.ask(together(QUESTIONS), DEADLINE_S)
        return parse(said, began, time.monotonic_ns())


def parse(said: Mapping[str, str], began: int, ended: int) -> list[Told]:
    """What was answered, by question; what cannot be read is left out."""
    dumped = said.get("battery", "")
    numbers = battery.parse_figures(dumped)
    found = []
    if not battery.is_frozen(dumped):
        if "temperature" in numbers:
            found.append(
                Told(began, ended, "battery/temperature", "temperature", "C", numbers["temperature"] / 10,
                     numbers["temperature"])
            )  # fmt: skip
        if "status" in numbers:
            found.append(
                Told(
                    began, ended, "cmd/battery/status", "status", "BatteryManager", numbers["status"], numbers["status"]
                )
            )
        if numbers.get("voltage", 0) > 0:
            volts = numbers["voltage"] / 1000
            found.append(Told(began, ended, "cmd/battery/voltage_now", "voltage", "V", volts, numbers["voltage"]))
    current = battery.parse_current(said.get("current", ""))
    if current is not None:
        found.append(Told(began, ended, "cmd/battery/current_now", "current", "raw", float(current), current))
    heat = thermal.parse_thermal(said.get("thermal", ""))
    status = heat.status
    if heat.skin_c is not None:
        found.append(Told(began, ended, "thermalservice/skin", "temperature", "C", heat.skin_c))
    if status is not None:
        found.append(
            Told(began, ended, "thermalservice/status", "status", "thermal", SEVERITY[status], SEVERITY[status])
        )
    return found
