"""What people do with devices: reserve, name, quarantine, heal, reboot, forget. It says who may, and when not."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

from farm.errors import JobError, NoDeviceError
from farm.store.devices import Reservation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from farm.fleet.adb import AdbDevice
    from farm.fleet.device import Device
    from farm.fleet.fleet import Fleet
    from farm.store.devices import DeviceEvent, DeviceRow

LONGEST_S = 30 * 86400.0
WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,59}")
"""A name, a pool, a label: what a selector can hold without quotes."""


class Desk:
    """`runs` tells the run that is on each leased device. Every method raises JobError when the answer is no."""

    def __init__(self, fleet: Fleet, runs: Callable[[], Mapping[str, int]]) -> None:
        self._fleet = fleet
        self._runs = runs

    def find(self, text: str) -> Device | None:
        """The device of this serial, else of this name."""
        devices = self._fleet.recent()
        return next((d for d in devices if d.serial == text), None) or next(
            (d for d in devices if d.name and d.name == text), None
        )

    def row(self, serial: str) -> DeviceRow | None:
        """What is stored of it; None when it never answered."""
        return self._fleet.store.get(serial)

    def events(self, serial: str, limit: int) -> list[DeviceEvent]:
        """What happened to it, the newest first."""
        return self._fleet.store.events(serial, limit)

    def reserve(self, serial: str, user: str, seconds: float, reason: str = "", *, wait: bool = False) -> None:
        """From now on only this user's runs go there, for so many seconds; reserved again, the time is counted anew.

        `wait`: though another user's run may still be there. It goes on to its end, and is the last.
        """
        self._stored(serial)
        if not 1 <= seconds <= LONGEST_S:
            raise JobError(f"{seconds:g} s is no time to reserve for", where=serial, remedy="from 1s to 30d")
        now = time.time()
        row = self._stored(serial)
        if row.reservation is not None and row.reservation.expires > now and row.reservation.user != user:
            raise self._taken(row.reservation, serial)
        run = self._runs().get(serial)
        if run is not None and not wait:
            raise JobError(
                f"run {run} is there", where=serial, remedy="--wait reserves it, and waits for the run's end"
            )
        self._fleet.store.reserve(serial, Reservation(user, now, now + seconds, reason))

    def release(self, serial: str, user: str, *, force: bool = False) -> None:
        """End a reservation; another user's only with `force`. None there is fine."""
        row = self._stored(serial)
        if row.reservation is None:
            return
        if row.reservation.user != user and row.reservation.expires > time.time() and not force:
            raise self._taken(row.reservation, serial)
        self._fleet.store.give_back(serial)

    def quarantine(self, serial: str, reason: str) -> None:
        """Nothing runs there until it is healed. What runs there now goes on."""
        self._stored(serial)
        self._fleet.quarantine(serial, reason)

    def heal(self, serial: str) -> None:
        """Begin to ask and enrol it anew; its quarantine ends when that went well. Not while a run is there."""
        device = self._attached(serial)
        run = self._runs().get(serial)
        if run is not None:
            raise JobError(f"run {run} is there", where=serial, remedy="wait for its end, or cancel its job")
        self._fleet.start()
        self._fleet.heal(device.serial)

    def reboot(self, serial: str, user: str, *, force: bool = False) -> None:
        """Begin to reboot it. Its reservation, and the lease of a run (`force`), stay."""
        self.handle(serial, user, force=force)
        self._fleet.start()
        self._fleet.reboot(serial)

    def name(
        self,
        serial: str,
        *,
        name: str | None = None,
        pool: str | None = None,
        add: Iterable[str] = (),
        remove: Iterable[str] = (),
    ) -> None:
        """Change what the lab calls it; None: as it was. What farm.toml says is changed there."""
        row = self._stored(serial)
        note = next((n for n in self._fleet.settings.device if n.serial == serial), None)
        added, removed = frozenset(add), frozenset(remove)
        for word in (name, pool, *added):
            if word and not WORD.fullmatch(word):
                raise JobError(f"{word[:60]!r} is no word", where=serial, remedy="letters, digits, '.', '_', '+', '-'")
        if note is not None and ((name is not None and note.name) or (pool is not None and note.pool)):
            raise JobError("farm.toml says what it is called", where=serial, remedy="change its [[device]] there")
        if note is not None and removed & frozenset(note.labels):
            raise JobError("farm.toml gives it that label", where=serial, remedy="change its [[device]] there")
        other = self.find(name) if name else None
        if other is not None and other.serial != serial:
            raise JobError(f"{other.serial} is called {name}", where=serial, remedy="take another name")
        self._fleet.store.name(
            serial,
            name=row.name if name is None else name,
            pool=row.pool if pool is None else pool,
            labels=(row.labels | added) - removed,
        )

    def forget(self, serial: str) -> None:
        """Know nothing of it any more; one that is attached is enrolled anew. Not while a run is there or it is reserved."""
        row = self._stored(serial)
        run = self._runs().get(serial)
        if run is not None:
            raise JobError(f"run {run} is there", where=serial, remedy="wait for its end, or cancel its job")
        if row.reservation is not None and row.reservation.expires > time.time():
            raise self._taken(row.reservation, serial)
        self._fleet.forget(serial)

    def handle(self, serial: str, user: str, *, force: bool = False) -> AdbDevice:
        """What talks to it, for a user who may: no run there, reserved by nobody else; or `force`.

        Raises:
            NoDeviceError: it is not attached.
        """
        self._attached(serial)
        row, run = self._fleet.store.get(serial), self._runs().get(serial)
        if run is not None and not force:
            raise JobError(f"run {run} is there, and would be disturbed", where=serial, remedy="wait, or --force")
        reservation = row.reservation if row is not None else None
        if reservation is not None and reservation.expires > time.time() and reservation.user != user and not force:
            raise self._taken(reservation, serial)
        return self._fleet.handle(serial)

    def _stored(self, serial: str) -> DeviceRow:
        row = self._fleet.store.get(serial)
        if row is None:
            raise JobError("has never answered", where=serial, remedy="unlock it and allow this computer; farm devices")
        return row

    def _attached(self, serial: str) -> Device:
        device = self._fleet.device(serial)
        if device is None or device.state not in {"device", "unresponsive"}:
            reason = device.standing.reason if device is not None and device.standing is not None else "not attached"
            raise NoDeviceError(reason, where=serial, remedy="check its cable and `farm devices`")
        return device

    def _taken(self, reservation: Reservation, serial: str) -> JobError:
        until = time.strftime("%Y-%m-%d %H:%M", time.localtime(reservation.expires))
        why = f" ({reservation.reason})" if reservation.reason else ""
        return JobError(f"is reserved by {reservation.user} until {until}{why}", where=serial, remedy="ask them")
