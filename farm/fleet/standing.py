"""What a device is good for now: pure functions of what is known of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from farm.android.commands.thermal import STATUS as THERMAL_STATUS
from farm.fleet.device import Standing

if TYPE_CHECKING:
    from farm.fleet.device import Condition, State
    from farm.sections.devices import Fleet as Limits

ASKED = {
    "INSTALL_FAILED_USER_RESTRICTED": "allow `Install via USB` in its developer options, then: farm device heal",
    "INSTALL_FAILED_VERIFICATION_FAILURE": "turn off `Verify apps over USB` in its developer options, then: farm device heal",
    "INSTALL_FAILED_ABORTED": "accept the installation on its screen, then: farm device heal",
    "golden model": "its results cannot be trusted: reboot it, then: farm device heal; if that does not help, replace it",
    "emulator is not in PATH": "install the Android SDK's emulator, or set ANDROID_HOME",
}
"""A word of an error that only a person at the device can mend -> what they do."""
LOOK = "look at the device, then: farm device heal"
SEVERITY = {word: number for number, word in THERMAL_STATUS.items()}
AWAY: frozenset[str] = frozenset({"offline", "unauthorized"})


@dataclass(frozen=True)
class Vitals:
    """Battery and heat as last told; None: not told."""

    level: int | None = None
    """Percent."""
    battery_c: float | None = None
    thermal: str | None = None
    """Android's word."""
    frozen: bool = False
    """Somebody froze the battery service: its figures are old."""


@dataclass(frozen=True)
class Gates:
    """What the vitals ask to wait for; each with its reason, empty when it need not."""

    charging: str = ""
    cooling: str = ""


@dataclass(frozen=True)
class Facts:
    """All that a standing depends on."""

    adb: State
    """adb's word; `unresponsive` when it is `device` and answers nothing."""
    silent: str = ""
    """What happened when it was asked, if it does not answer or is not there."""
    blip: bool = False
    """It was there a moment ago, and may be back at once."""
    leased: bool = False
    task: str = ""
    """What the fleet does with it: `asked`, `booting`, `enrolled`, `rebooted`."""
    problem: str = ""
    """Why the fleet cannot make use of it, though it answers; it goes on trying."""
    quarantine: str = ""
    quarantined: float = 0.0
    needs_human: str = ""
    gates: Gates = Gates()
    enrolled: bool = True


TASKS = {
    "asked": "just came and is being asked what it is",
    "booting": "is still booting",
    "enrolled": "is being enrolled",
    "rebooted": "is being rebooted",
}


def human(message: str) -> str:
    """What a person is to do about an error of this text; empty when it needs nobody."""
    return next((remedy for word, remedy in ASKED.items() if word in message), "")


def gates(vitals: Vitals, before: Gates, limits: Limits) -> Gates:
    """Whether to charge or to cool. Once begun, it goes on to the second limit, or a device on the edge would flap."""
    charging = cooling = ""
    if vitals.level is not None and not vitals.frozen:
        wanted = limits.battery_ready if before.charging else limits.battery_min
        if vitals.level < wanted:
            charging = f"battery at {vitals.level} %, works again at {max(wanted, limits.battery_ready)} %"
    if vitals.battery_c is not None and not vitals.frozen:
        allowed = limits.battery_cool_c if before.cooling else limits.battery_max_c
        if vitals.battery_c > allowed:
            cooling = f"battery at {vitals.battery_c:.1f} C, works again at {limits.battery_cool_c:g} C"
    if not cooling and vitals.thermal is not None and SEVERITY[vitals.thermal] > SEVERITY[limits.thermal_max]:
        cooling = f"thermal status {vitals.thermal}, works again at {limits.thermal_max}"
    return Gates(charging, cooling)


def decide(facts: Facts, before: Standing | None, now: float) -> Standing:
    """Where the device stands. `since` is kept as long as the condition stays; `now` is in Unix seconds.

    A device that adb lost a moment ago stands where it stood (its `state` still keeps runs away).
    """
    if facts.blip and before is not None and before.condition not in AWAY:
        return before
    condition, reason, remedy = _of(facts)
    since = facts.quarantined if condition == "quarantined" and facts.quarantined else now
    if before is not None and before.condition == condition:
        since = before.since
    return Standing(condition, reason, since, remedy)


def _of(facts: Facts) -> tuple[Condition, str, str]:
    if facts.task == "rebooted" and facts.adb != "unauthorized":
        return "busy", TASKS["rebooted"], ""
    match facts.adb:
        case "unauthorized":
            return "unauthorized", "it does not know this computer's key", "unlock the phone and allow this computer"
        case "authorizing":
            return (
                "unauthorized",
                "it is being asked to allow this computer",
                "unlock the phone and allow this computer",
            )
        case "offline" if facts.needs_human:
            return "needs-human", facts.needs_human, human(facts.needs_human) or LOOK
        case "offline":
            return (
                "offline",
                facts.silent or "adb has lost it",
                "check cable, power and Wi-Fi; gone for good: farm device forget",
            )
        case "unresponsive":
            return (
                "offline",
                f"answers nothing ({facts.silent})" if facts.silent else "answers nothing",
                "reboot it by hand",
            )
    if facts.quarantine:
        return "quarantined", facts.quarantine, "find out why, then: farm device heal"
    if facts.needs_human:
        return "needs-human", facts.needs_human, human(facts.needs_human) or LOOK
    if facts.leased:
        return "busy", "a run is there", ""
    if facts.task:
        return "busy", TASKS.get(facts.task, facts.task), ""
    if facts.problem:
        return "needs-human", facts.problem, "it is tried again and again; at once with: farm device heal"
    if facts.gates.cooling:
        return "cooling", facts.gates.cooling, "wait; give it air, out of the sun"
    if facts.gates.charging:
        return "charging", facts.gates.charging, "wait; check that its port charges"
    return "ready", "" if facts.enrolled else "not enrolled yet", ""
