"""Settings made on a device for a run: each read back, noted, and undone at the end, or by whoever comes after a crash."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from farm.android.commands import power, settings
from farm.errors import FarmError
from farm.run.conditions.journal import Change, Journal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from farm.fleet.adb import AdbDevice
    from farm.run.conditions.reading import Reading
    from farm.sections.devices import Conditions

DEADLINE_S = 10.0
STAY_ON = ("global", "stay_on_while_plugged_in", "15")
TIMEOUT = ("system", "screen_off_timeout", "1800000")


@contextlib.contextmanager
def applied(
    device: AdbDevice, serial: str, data: Path, limits: Conditions, before: Reading, *, fixed_performance: bool
) -> Iterator[dict[str, str]]:
    """Make the settings that are asked for on the device the farm calls `serial`; yields what came of each, for the run's
    conditions.

    What an earlier run left behind is undone first. At the end all is put back; a device that left by then is put right
    when it is back (`restore`).

    Raises:
        InfrastructureError: the device does not answer.
    """
    journal = Journal(data, serial)
    with journal.locked(wait=True):
        notes = {}
        if journal.read():
            notes["restored"] = ", ".join(_undo(device, journal)) or "nothing was left to restore"
        try:
            if limits.awake:
                notes |= _awake(device, journal, before)
            if fixed_performance:
                notes["fixed_performance"] = _fixed(device, journal)
            yield notes
        finally:
            with contextlib.suppress(FarmError):  # the journal stays, and the device is put right when it is back
                _undo(device, journal)


def restore(device: AdbDevice, serial: str, data: Path) -> tuple[str, ...]:
    """Undo what a run left behind, unless a run is there now; the names of what was undone.

    Raises:
        InfrastructureError: the device does not answer; the rest stays noted.
    """
    journal = Journal(data, serial)
    with journal.locked(wait=False) as free:
        return _undo(device, journal) if free else ()


def _awake(device: AdbDevice, journal: Journal, before: Reading) -> dict[str, str]:
    notes = {}
    for table, key, wanted in (STAY_ON, TIMEOUT):
        old = _get(device, table, key)
        if old == wanted:
            notes[key] = f"{wanted}, as it was"
            continue
        journal.add(Change(kind="setting", table=table, key=key, old=old, new=wanted))
        _put(device, table, key, wanted)
        got = _get(device, table, key)
        notes[key] = wanted if got == wanted else f"asked for {wanted}, reads {got or settings.UNSET}"
    if before.awake is False:
        journal.add(Change(kind="screen", old="off", new="on"))
        device.ask(power.wake(), DEADLINE_S)
        found = device.ask(power.wakefulness(), DEADLINE_S)
        notes["screen"] = f"woken, reads {found}" if found else "woken, which cannot be read back"
    return notes


def _fixed(device: AdbDevice, journal: Journal) -> str:
    """Android has no word for reading this mode back; that the power HAL took it is what can be known."""
    journal.add(Change(kind="fixed-performance", old="false", new="true"))
    refused = device.ask(power.fixed_performance(on=True), DEADLINE_S)
    if not refused:
        return "on (the power HAL took it; Android cannot read it back)"
    return f"refused: {refused.splitlines()[0][:100]}"


def _undo(device: AdbDevice, journal: Journal) -> tuple[str, ...]:
    """The newest first; the journal shrinks with each."""
    left, undone = list(journal.read()), []
    while left:
        change = left[-1]
        match change.kind:
            case "setting":
                if _get(device, change.table, change.key) == change.new:  # else somebody decided otherwise meanwhile
                    _put(device, change.table, change.key, change.old)
            case "fixed-performance":
                device.ask(power.fixed_performance(on=False), DEADLINE_S)
            case "screen":
                device.ask(power.sleep(), DEADLINE_S)
        undone.append(change.name)
        left.pop()
        journal.write(tuple(left))
    return tuple(undone)


def _get(device: AdbDevice, table: str, key: str) -> str | None:
    return device.ask(settings.get(table, key), DEADLINE_S)


def _put(device: AdbDevice, table: str, key: str, value: str | None) -> None:
    if value is None:
        device.ask(settings.delete(table, key), DEADLINE_S)
    else:
        device.ask(settings.put(table, key, value), DEADLINE_S)
