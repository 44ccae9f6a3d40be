"""Battery and heat by `dumpsys` and `cmd`, for phones that close /sys to the shell: slow, so rare."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

from farm.fleet.enrolment import MARK, sections
from farm.fleet.health import parse_thermal_status
from farm.run.conditions.gates import SEVERITY
from farm.run.conditions.reading import parse_skin
from farm.run.samplers.watcher import Told, Watcher

if TYPE_CHECKING:
    from farm.fleet.adb import AdbDevice

DEADLINE_S = 8.0
SCRIPT = "\n".join(
    f"echo; echo '{MARK}{name}'; {ask} 2>&1"
    for name, ask in (
        ("battery", "dumpsys battery"),
        ("current", "cmd battery get -f current_now"),
        ("thermal", "dumpsys thermalservice"),
    )
)


class Dumpsys(Watcher):
    """Asks through adb connections of its own."""

    by = "dumpsys"

    def __init__(self, device: AdbDevice, period_s: float) -> None:
        super().__init__(period_s)
        self._device = device

    def read(self) -> list[Told]:
        """See Watcher."""
        began = time.monotonic_ns()
        text = self._device.script(SCRIPT, DEADLINE_S).text
        return parse(text, began, time.monotonic_ns())


def parse(text: str, began: int, ended: int) -> list[Told]:
    """What the script printed; what cannot be read is left out."""
    said = sections(text)
    numbers = {
        m[1].lower(): int(m[2])
        for m in re.finditer(r"^\s*([A-Za-z]+): (-?\d{1,9})\s*$", said.get("battery", ""), re.MULTILINE)
    }
    found = []
    if "UPDATES STOPPED" not in said.get("battery", ""):
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
    current = said.get("current", "").strip()
    if re.fullmatch(r"-?\d{1,12}", current):
        found.append(Told(began, ended, "cmd/battery/current_now", "current", "raw", float(current), int(current)))
    thermal = said.get("thermal", "")
    skin, status = parse_skin(thermal), parse_thermal_status(thermal)
    if skin is not None:
        found.append(Told(began, ended, "thermalservice/skin", "temperature", "C", skin))
    if status is not None:
        found.append(
            Told(began, ended, "thermalservice/status", "status", "thermal", SEVERITY[status], SEVERITY[status])
        )
    return found
