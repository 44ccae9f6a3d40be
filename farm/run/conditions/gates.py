"""Whether a device may be measured as it is: a pure decision over one reading."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from farm.android.commands.thermal import STATUS as THERMAL_STATUS
from farm.errors import ConditionsError

if TYPE_CHECKING:
    from farm.run.conditions.reading import Reading
    from farm.sections.devices import Conditions

SEVERITY = {word: number for number, word in THERMAL_STATUS.items()}
DEEP = ("IDLE", "IDLE_MAINTENANCE", "IDLE_PENDING")
"""DeviceIdleController's states in which the phone sleeps or is about to."""


@dataclass(frozen=True)
class Unmet:
    """One thing that is not as it has to be. `passes`: by waiting a little."""

    what: str
    remedy: str
    passes: bool = False


def unmet(reading: Reading, limits: Conditions) -> tuple[Unmet, ...]:
    """What keeps the device from being measured; empty when nothing does. What it did not tell keeps nobody."""
    found = [*_battery(reading, limits), *_heat(reading, limits)]
    if reading.free_bytes is not None and reading.free_bytes < limits.storage_min_mb << 20:
        told = (
            f"{reading.free_bytes >> 20} MiB are free in /data/local/tmp, at least {limits.storage_min_mb} are needed"
        )
        found.append(Unmet(told, "free some of the device's storage"))
    if limits.screen != "any" and reading.awake is not None and not _screen_is(limits.screen, reading):
        found.append(
            Unmet(f"its screen is {reading.screen}, and must be {limits.screen}", "conditions.awake keeps it on")
        )
    if limits.doze == "refuse" and reading.doze in DEEP:
        found.append(Unmet(f"it is in deep Doze ({reading.doze})", "wake it: adb shell cmd deviceidle unforce"))
    if reading.load is not None and reading.load > limits.load_max:
        told = f"others use {100 * reading.load:.0f} % of its CPUs, at most {100 * limits.load_max:.0f} % are allowed"
        found.append(Unmet(told, "see what runs there: adb shell top", passes=True))
    return tuple(found)


def marks(reading: Reading, limits: Conditions) -> dict[str, str]:
    """What is allowed and still spoils figures, for the run's conditions."""
    found = {}
    if reading.charging and limits.charging == "mark":
        found["charging"] = "yes: power and heat are not those of a phone on its battery"
    if reading.doze in DEEP and limits.doze == "mark":
        found["dozing"] = "yes: it sleeps, and clocks are low"
    return found


def refusal(found: tuple[Unmet, ...], where: str, waited_s: float = 0.0) -> ConditionsError:
    """The error that gives a run back to the queue."""
    told = "; ".join(one.what for one in found)
    if waited_s >= 1:
        told += f" (after {waited_s:.0f} s of waiting)"
    return ConditionsError(told, where=where, remedy="; ".join(dict.fromkeys(one.remedy for one in found)))


def _battery(reading: Reading, limits: Conditions) -> list[Unmet]:
    battery, found = reading.battery, []
    if battery.frozen:
        told = "somebody froze its battery service: what it says of itself is old"
        return [Unmet(told, "unfreeze it: adb shell dumpsys battery reset")]
    if battery.level is not None and battery.level < limits.battery_min:
        found.append(Unmet(f"battery at {battery.level} %, at least {limits.battery_min} % are needed", "charge it"))
    if battery.level is not None and battery.level > limits.battery_max:
        told = f"battery at {battery.level} %, at most {limits.battery_max} % are allowed"
        found.append(Unmet(told, "unplug it for a while; [hub] does so by itself"))
    if limits.charging == "refuse" and reading.charging:
        told = f"it is on external power ({battery.status})"
        found.append(Unmet(told, "unplug it (adb over Wi-Fi), or set conditions.charging = 'mark'"))
    return found


def _heat(reading: Reading, limits: Conditions) -> list[Unmet]:
    found, celsius = [], reading.battery.temperature_c
    if celsius is not None and not reading.battery.frozen and celsius > limits.battery_max_c:
        told = f"battery at {celsius:.1f} C, at most {limits.battery_max_c:g} C are allowed"
        found.append(Unmet(told, "give it air, out of the sun", passes=True))
    if reading.thermal_overridden:
        told = "somebody set its thermal status by hand: it says nothing"
        found.append(Unmet(told, "adb shell cmd thermalservice reset"))
    if reading.thermal is not None and SEVERITY[reading.thermal] > SEVERITY[limits.thermal_max]:
        told = f"thermal status {reading.thermal}, at most {limits.thermal_max} is allowed"
        found.append(Unmet(told, "give it air, out of the sun", passes=True))
    return found


def _screen_is(wanted: str, reading: Reading) -> bool:
    return reading.screen == wanted
