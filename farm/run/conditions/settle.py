"""Wait on the lease until a device is as it has to be, or has cooled down again; give up in time."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from farm.errors import InfrastructureError
from farm.run.conditions import gates, reading

if TYPE_CHECKING:
    from collections.abc import Callable

    from farm.fleet.adb import AdbDevice
    from farm.run.conditions.reading import Reading
    from farm.sections.devices import Conditions

    Tell = Callable[[str, int, int], None]

STAGE = "cool down"
LOOK_S = 2.0
BLINK_S = 0.2


def ready(device: AdbDevice, limits: Conditions, *, virtual: bool, tell: Tell) -> Reading:
    """The device's conditions once they are met. Heat and load are waited for; `tell` may raise, which ends it.

    Raises:
        ConditionsError: they are not met, or were not within `conditions.cooldown_s`.
        InfrastructureError: the device does not answer.
    """
    began = time.monotonic()
    while True:
        found = reading.look(device, virtual=virtual)
        missing = gates.unmet(found, limits)
        if not missing:
            return found
        waited = time.monotonic() - began
        if not all(one.passes for one in missing) or waited >= limits.cooldown_s:
            raise gates.refusal(missing, device.serial, waited)
        _pause(min(LOOK_S, limits.cooldown_s - waited), began, limits.cooldown_s, tell)


def cooled(device: AdbDevice, start: Reading, limits: Conditions, *, tell: Tell) -> tuple[Reading, str]:
    """Wait until the device is as cool as at the run's start; its heat then, and a note where that took long or failed.

    Raises:
        InfrastructureError: the device does not answer.
    """
    began = time.monotonic()
    while True:
        now = reading.look_at_heat(device)
        waited = time.monotonic() - began
        if start.celsius is None or now.celsius is None:
            return now, ""
        over = now.celsius - start.celsius
        if over <= limits.cool_within_c:
            return now, f"cooled for {waited:.0f} s" if waited >= 1 else ""
        if waited >= limits.cooldown_s:
            return now, f"still {over:.1f} K above the run's start after {waited:.0f} s"
        _pause(min(LOOK_S, limits.cooldown_s - waited), began, limits.cooldown_s, tell)


def heat(device: AdbDevice) -> Reading | None:
    """Battery and heat now; None when the device does not answer."""
    try:
        return reading.look_at_heat(device)
    except InfrastructureError:
        return None


def _pause(seconds: float, began: float, of: float, tell: Tell) -> None:
    until = time.monotonic() + seconds
    while True:
        tell(STAGE, min(int(time.monotonic() - began), int(of)), int(of))
        left = until - time.monotonic()
        if left <= 0:
            return
        time.sleep(min(BLINK_S, left))
