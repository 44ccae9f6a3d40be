"""The device's power: awake or not, Doze, the mode of fixed performance, what meters it has on board."""

from __future__ import annotations

import re

from farm.android.command import Command, Said, argv, fixed, of_text, refusal


def parse_wakefulness(text: str) -> str:
    """`Awake`, `Asleep`, `Dreaming`, `Dozing`; empty when it is not told."""
    found = re.search(r"mWakefulness=(\w{1,20})", text)
    return found[1] if found else ""


def parse_doze(text: str) -> str:
    """DeviceIdleController's state: ACTIVE, INACTIVE, IDLE, ...; empty when it is not told."""
    found = re.search(r"^([A-Z_]{4,30})\s*$", text, re.MULTILINE)
    return found[1] if found else ""


def parse_rails(text: str) -> tuple[str, ...]:
    """The meter's channels, SUBSYSTEM/NAME."""
    found = re.findall(r"ChannelId: \d{1,4}, ChannelName: ([^,\n]{1,80})(?:, ChannelSubsystem: ([^,\n]{1,80}))?", text)
    return tuple(dict.fromkeys(f"{subsystem.strip()}/{name.strip()}".lstrip("/") for name, subsystem in found))


def parse_try(text: str) -> bool:
    """Whether the mode was taken."""
    return "exit 0" in text.splitlines()


def _try(said: Said) -> bool:
    return parse_try(said.text)


def _fix(*, on: bool = True) -> str:
    return argv("cmd", "power", "set-fixed-performance-mode-enabled", "true" if on else "false")


wakefulness = Command(
    "power.wakefulness", fixed("dumpsys power 2>/dev/null | grep mWakefulness="), of_text(parse_wakefulness),
    source="PowerManagerService.dumpInternal", recorded=("power-samsung", "power-redmi-note-12"),
)  # fmt: skip
doze = Command(
    "power.doze", fixed("cmd deviceidle get deep"), of_text(parse_doze),
    source="DeviceIdleController.onShellCommand", recorded=("deviceidle-get",),
)  # fmt: skip
rails = Command(
    "power.rails", fixed("dumpsys powerstats"), of_text(parse_rails),
    source="PowerStatsService.dump", since=31, recorded=("powerstats",),
)  # fmt: skip
wake = Command("power.wake", fixed("input keyevent KEYCODE_WAKEUP"), refusal, source="InputShellCommand", prints=False)
sleep = Command("power.sleep", fixed("input keyevent KEYCODE_SLEEP"), refusal, source="InputShellCommand", prints=False)
fixed_performance = Command(
    "power.fixed-performance",
    _fix,
    refusal,
    source="PowerManagerShellCommand",
    since=30,
)
try_fixed_performance = Command(
    # Set and put back at once: a mode that is refused says so, and one that is taken is not left on.
    "power.try-fixed-performance", fixed(f"{_fix(on=True)}; echo \"exit $?\"; {_fix(on=False)}"), _try,
    source="PowerManagerShellCommand", since=30,
)  # fmt: skip
