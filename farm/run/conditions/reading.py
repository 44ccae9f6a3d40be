"""One look at a device's conditions: several of the catalogue's commands in one line, and what they say together."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from farm.android.commands import battery as batteries
from farm.android.commands import files, kernel, power, window
from farm.android.commands import thermal as thermals
from farm.android.commands.battery import Battery
from farm.android.script import together, twice

if TYPE_CHECKING:
    from collections.abc import Mapping

    from farm.android.command import Line
    from farm.fleet.adb import AdbDevice

DEADLINE_S = 20.0
WINDOW_S = 0.3
"""Over which load is measured."""
TICKS_S = 100
"""Of /proc's times, on every Linux that phones run."""
HEAT: Mapping[str, Line[Any]] = {"battery": batteries.dump(), "thermal": thermals.dump()}
STATE: Mapping[str, Line[Any]] = {
    "power": power.wakefulness(),
    "keyguard": window.locked(),
    "doze": power.doze(),
    "storage": files.free(files.FOLDER),
    "cpus": kernel.cpu_count(),
    "nodes": kernel.nodes(),
}


@dataclass(frozen=True)
class Reading:
    """What a device told of itself. None, or empty: not told."""

    battery: Battery = field(default_factory=lambda: Battery(None, None, None, frozen=False))
    thermal: str | None = None
    """Android's thermal status, its word."""
    thermal_overridden: bool = False
    skin_c: float | None = None
    """The hottest skin sensor, degrees Celsius."""
    awake: bool | None = None
    locked: bool | None = None
    doze: str = ""
    """DeviceIdleController's state: ACTIVE, INACTIVE, IDLE, ..."""
    free_bytes: int | None = None
    load: float | None = None
    """Share of all CPUs in use, of the phone as a whole (of its own processes, on a virtual phone)."""
    nodes: frozenset[str] = frozenset()
    """What of /sys the shell user can read: `power`, `zones`, `clocks`."""

    @property
    def charging(self) -> bool:
        """Whether something feeds the battery, or the phone past it."""
        return self.battery.status in {"charging", "full"}

    @property
    def celsius(self) -> float | None:
        """What cooling down goes by: the hottest of battery and skin."""
        told = [c for c in (self.battery.temperature_c, self.skin_c) if c is not None]
        return max(told) if told else None

    def words(self) -> dict[str, str]:
        """For the run's conditions."""
        battery = self.battery
        told = {
            "battery": None if battery.level is None else f"{battery.level} %, {battery.status or 'unknown'}",
            "battery_temperature": None if battery.temperature_c is None else f"{battery.temperature_c:.1f} C",
            "battery_frozen": "yes" if battery.frozen else None,
            "thermal_status": self.thermal,
            "skin_temperature": None if self.skin_c is None else f"{self.skin_c:.1f} C",
            "screen": self.screen or None,
            "doze": self.doze or None,
            "free_storage": None if self.free_bytes is None else f"{self.free_bytes >> 20} MiB",
            "load": None if self.load is None else f"{100 * self.load:.0f} %",
        }
        return {key: word for key, word in told.items() if word is not None}

    @property
    def screen(self) -> str:
        """`on`, `on, locked`, `off`; empty when it is not told."""
        if self.awake is None:
            return ""
        return "off" if not self.awake else "on, locked" if self.locked else "on"


def look(device: AdbDevice, *, virtual: bool) -> Reading:
    """Ask for everything; takes about `WINDOW_S`.

    Raises:
        InfrastructureError: the device does not answer.
    """
    # A virtual phone's /proc/stat is this computer's; its processes are its own.
    load: Line[Any] = kernel.processes() if virtual else kernel.ticks()
    asked = twice({"load": load, "up": kernel.uptime()}, {**HEAT, **STATE}, WINDOW_S)
    return read(device.ask(asked, DEADLINE_S), virtual=virtual)


def look_at_heat(device: AdbDevice) -> Reading:
    """Ask for battery and heat alone. Errors as in `look`."""
    return read(device.ask(together(HEAT), DEADLINE_S), virtual=False)


def read(said: Mapping[str, str], *, virtual: bool) -> Reading:
    """What the sections say; what cannot be read is not told, never an error."""
    heat = thermals.parse_thermal(said.get("thermal", ""))
    wakefulness = power.parse_wakefulness(said.get("power", ""))
    return Reading(
        battery=batteries.parse_battery(said.get("battery", "")),
        thermal=heat.status,
        thermal_overridden=heat.overridden,
        skin_c=heat.skin_c,
        awake=wakefulness == "Awake" if wakefulness else None,
        locked=window.parse_locked(said.get("keyguard", "")),
        doze=power.parse_doze(said.get("doze", "")),
        free_bytes=files.parse_df(said.get("storage", ""))[0],
        load=_own_load(said) if virtual else kernel.parse_load(said.get("load1", ""), said.get("load2", "")),
        nodes=kernel.parse_nodes(said.get("nodes", "")),
    )


def _own_load(said: Mapping[str, str]) -> float | None:
    before, after = (kernel.parse_processes(said.get(name, "")) for name in ("load1", "load2"))
    began, ended = (kernel.parse_uptime(said.get(name, "")) for name in ("up1", "up2"))
    cpus = kernel.parse_count(said.get("cpus", ""))
    if began is None or ended is None or cpus is None or ended <= began or not before:
        return None
    used = sum(max(0, ticks - before[pid]) for pid, ticks in after.items() if pid in before)
    return min(1.0, used / TICKS_S / (ended - began) / max(1, cpus))
