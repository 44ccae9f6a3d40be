"""What the fleet's tests share: a fleet with short times on a real state file, and waiting."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Any

from farm.fleet.fleet import Fleet
from farm.sections.devices import Fleet as Limits
from farm.settings import Adb, Settings
from farm.store.database import Database
from farm.store.devices import Devices

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from farm.fleet.adb import AdbServer
    from farm.fleet.device import Device

WAIT_S = 60.0
QUICK: dict[str, Any] = {
    "probe_s": 0.4, "answer_s": 1.0, "vitals_s": 0.4, "debounce_s": 0.3, "golden": False, "quarantine_after": 2,
}  # fmt: skip


def settings(data: Path, adb: AdbServer, *, poll_s: float = 0.2, **limits: object) -> Settings:
    """Short times; no golden model unless asked for."""
    return Settings(
        data=data,
        adb=Adb(host=adb.host, port=adb.port, deadline_s=3.0, poll_s=poll_s),
        fleet=Limits.model_validate(QUICK | limits),
    )


@contextlib.contextmanager
def at_work(of: Settings, *, leased: set[str] | None = None, start: bool = True, **rooms: Any) -> Iterator[Fleet]:
    """A fleet on the state file of the data folder; what it calls a bug fails the test."""
    of.data.mkdir(parents=True, exist_ok=True)
    bugs: list[str] = []
    with contextlib.closing(Database(of.data / "state.db")) as database:
        fleet = Fleet(
            of,
            Devices(database),
            lambda: frozenset(leased or ()),
            report_bug=lambda _, text: bugs.append(text),
            **rooms,
        )
        try:
            if start:
                fleet.start()
            yield fleet
        finally:
            fleet.stop()
    assert not bugs


def until(holds: Callable[[], object], what: object = "") -> None:
    """Wait for it."""
    deadline = time.monotonic() + WAIT_S
    while not holds():
        assert time.monotonic() < deadline, f"waited in vain: {what() if callable(what) else what}"
        time.sleep(0.02)


def stands(fleet: Fleet, serial: str, condition: str) -> Device:
    """The device, once it stands there."""

    def there() -> bool:
        device = fleet.device(serial)
        return device is not None and device.standing is not None and device.standing.condition == condition

    until(there, lambda: f"{serial} {condition}: {[(d.state, d.standing) for d in fleet.devices()]}"[:500])
    device = fleet.device(serial)
    assert device is not None
    return device
