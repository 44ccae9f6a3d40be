"""One look at a device's conditions: a shell script, and pure parsers of what it prints.

Sources: AOSP's BatteryService, ThermalManagerService, PowerManagerService, KeyguardServiceDelegate and DeviceIdleController
(`dumpsys`), Linux's proc(5).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from farm.fleet.enrolment import MARK, parse_df, sections
from farm.fleet.health import SENSOR, SKIN_TYPE, Battery, parse_battery, parse_thermal_status

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from farm.fleet.adb import AdbDevice

DEADLINE_S = 20.0
WINDOW_S = 0.3
"""Over which load is measured."""
TICKS_S = 100
"""Of /proc's times, on every Linux that phones run."""
HEAT = {"battery": "dumpsys battery", "thermal": "dumpsys thermalservice"}
WHOLE_LOAD = "head -1 /proc/stat"
OWN_LOAD = "cat /proc/[0-9]*/stat 2>/dev/null"
"""A virtual phone's /proc/stat is this computer's; its processes are its own."""
STATE = {
    "power": "dumpsys power 2>/dev/null | grep -E 'mWakefulness='",
    "keyguard": "dumpsys window policy 2>/dev/null | grep -E 'howing='",
    "doze": "cmd deviceidle get deep",
    "storage": "df -k /data/local/tmp",
    "cpus": "grep -c '^cpu[0-9]' /proc/stat",
    "nodes": "for f in /sys/class/power_supply/*/current_now /sys/class/power_supply/*/power_now"
    " /sys/class/thermal/thermal_zone*/temp /sys/devices/system/cpu/cpufreq/policy*/scaling_cur_freq; do"
    ' read -r v < "$f" && echo "$f"; done 2>/dev/null',
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
    load = OWN_LOAD if virtual else WHOLE_LOAD
    first = {"load1": load, "up1": "cat /proc/uptime"}
    last = {"load2": load, "up2": "cat /proc/uptime"}
    asked = f"{_script(first)}\n{_script(HEAT | STATE)}\nsleep {WINDOW_S}\n{_script(last)}"
    return read(sections(device.script(asked, DEADLINE_S).text), virtual=virtual)


def look_at_heat(device: AdbDevice) -> Reading:
    """Ask for battery and heat alone. Errors as in `look`."""
    return read(sections(device.script(_script(HEAT), DEADLINE_S).text), virtual=False)


def read(said: Mapping[str, str], *, virtual: bool) -> Reading:
    """What the sections say; what cannot be read is not told, never an error."""
    thermal = said.get("thermal", "")
    wakefulness = re.search(r"mWakefulness=(\w{1,20})", said.get("power", ""))
    showing = re.findall(r"(?:mIsS|\bs)howing=(true|false)", said.get("keyguard", ""))
    doze = re.search(r"^([A-Z_]{4,30})\s*$", said.get("doze", ""), re.MULTILINE)
    cpus = said.get("cpus", "").strip()
    return Reading(
        battery=parse_battery(said.get("battery", "")),
        thermal=parse_thermal_status(thermal),
        thermal_overridden=re.search(r"IsStatusOverride:\s*true", thermal) is not None,
        skin_c=parse_skin(thermal),
        awake=wakefulness[1] == "Awake" if wakefulness else None,
        locked="true" in showing if showing else None,
        doze=doze[1] if doze else "",
        free_bytes=parse_df(said.get("storage", ""))[0],
        load=_own_load(said, cpus) if virtual else parse_load(said.get("load1", ""), said.get("load2", "")),
        nodes=parse_nodes(said.get("nodes", "")),
    )


def parse_skin(text: str) -> float | None:
    """The hottest skin sensor of `dumpsys thermalservice` now; those at 0.0 tell nothing."""
    found = []
    for line in text.partition("\nCurrent temperatures from HAL:")[2].splitlines()[1:]:
        sensor = SENSOR.fullmatch(line.strip())
        if sensor is None:
            break
        number = re.fullmatch(r"-?\d{1,4}(?:\.\d{1,10})?", sensor["degrees"].strip())
        if sensor["type"] == SKIN_TYPE and number and float(number[0]) != 0:
            found.append(float(number[0]))
    return max(found) if found else None


def parse_load(before: str, after: str) -> float | None:
    """The busy share of all CPUs between two first lines of /proc/stat; None when they tell nothing."""
    rows = [[int(n) for n in re.findall(r" (\d{1,18})", line)[:8]] for line in (before, after) if line[:4] == "cpu "]
    if len(rows) != 2 or min(map(len, rows)) < 4:
        return None
    passed = [b - a for a, b in zip(*rows, strict=False)]
    whole = sum(passed)
    if whole <= 0:
        return None
    idle = passed[3] + (passed[4] if len(passed) > 4 else 0)
    return float(min(1.0, max(0.0, 1 - idle / whole)))


def parse_processes(text: str) -> dict[int, int]:
    """CPU ticks by process, out of /proc/PID/stat."""
    found = {}
    for line in text.splitlines():
        fields = line.rpartition(")")[2].split()
        pid = line.partition(" ")[0]
        numbers = fields[11:13]
        if pid.isascii() and pid.isdigit() and len(numbers) == 2 and all(n.isascii() and n.isdigit() for n in numbers):
            found[int(pid[:9])] = sum(int(n[:18]) for n in numbers)
    return found


def parse_nodes(text: str) -> frozenset[str]:
    """Which kinds of nodes were readable, from their paths."""
    kinds = {"power": ("current_now", "power_now"), "zones": ("/temp",), "clocks": ("scaling_cur_freq",)}
    paths = text.splitlines()
    return frozenset(kind for kind, ends in kinds.items() if any(path.strip().endswith(ends) for path in paths))


def _own_load(said: Mapping[str, str], cpus: str) -> float | None:
    before, after = (parse_processes(said.get(name, "")) for name in ("load1", "load2"))
    times = [re.match(r"(\d{1,12}\.\d\d) ", said.get(name, "")) for name in ("up1", "up2")]
    if times[0] is None or times[1] is None or not cpus.isdigit() or not before:
        return None
    seconds = float(times[1][1]) - float(times[0][1])
    if seconds <= 0:
        return None
    used = sum(max(0, ticks - before[pid]) for pid, ticks in after.items() if pid in before)
    return min(1.0, used / TICKS_S / seconds / max(1, int(cpus[:4])))


def _script(questions: Mapping[str, str] | Iterable[tuple[str, str]]) -> str:
    return "\n".join(f"echo; echo '{MARK}{name}'; {{ {ask}; }} 2>&1" for name, ask in dict(questions).items())
