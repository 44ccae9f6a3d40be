"""The devices the lab knows: names, enrolment, quarantine, reservations, and what happened to them.

Kept in memory too, since every tick of the fleet asks: the daemon is the only process that writes.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from farm.store.database import Database
    from farm.store.sqlite import Connection, Row

log = logging.getLogger(__name__)
EVENTS_KEPT = 500
"""Of each device."""


@dataclass(frozen=True)
class Reservation:
    """A device is one user's until `expires`. Unix seconds."""

    user: str
    since: float
    expires: float
    reason: str = ""


@dataclass(frozen=True)
class DeviceRow:
    """What is stored of a device. Unix seconds; `enrolment` is JSON, None before the first."""

    serial: str
    host: str = ""
    name: str = ""
    pool: str = ""
    labels: frozenset[str] = frozenset()
    first_seen: float = 0.0
    last_seen: float = 0.0
    properties: Mapping[str, str] = field(default_factory=dict)
    enrolment: str | None = None
    enrolled: float | None = None
    faults: int = 0
    """Infrastructure errors in a row."""
    quarantined: float | None = None
    quarantine: str = ""
    """Why; empty when it is not in quarantine."""
    needs_human: str = ""
    """Why; empty when nobody is needed."""
    reservation: Reservation | None = None


@dataclass(frozen=True)
class DeviceEvent:
    """Something that happened to a device. Unix seconds."""

    at: float
    serial: str
    kind: str
    detail: str


class Devices:
    """The devices of a state file. See `farm.store.database.Database` for what every method raises."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        reservations = {row["serial"]: _reservation(row) for row in database.read("SELECT * FROM reservations")}
        rows = (_row(row) for row in database.read("SELECT * FROM devices"))
        self._rows = {r.serial: replace(r, reservation=reservations.get(r.serial)) for r in rows}

    def rows(self) -> dict[str, DeviceRow]:
        """Every device by its serial."""
        with self._lock:
            return dict(self._rows)

    def get(self, serial: str) -> DeviceRow | None:
        """One device; None when it was never seen."""
        with self._lock:
            return self._rows.get(serial)

    def seen(self, serial: str, host: str, properties: Mapping[str, str]) -> DeviceRow:
        """The device is there, and says this of itself."""
        now = time.time()
        known = self.get(serial)
        if known is not None and known.properties == properties:
            return known  # `last_seen` is for `seen_all`
        with self._lock, self._database.write() as db:
            db.execute(
                "INSERT INTO devices (serial, host, first_seen, last_seen, properties) VALUES (?, ?, ?, ?, ?)"
                " ON CONFLICT (serial) DO UPDATE SET last_seen = excluded.last_seen, properties = excluded.properties",
                (serial, host, now, now, json.dumps(dict(properties))),
            )
            if known is None:
                _note(db, serial, "appeared", properties.get("ro.product.model", ""))
            row = known or DeviceRow(serial, host, first_seen=now)
            self._rows[serial] = row = replace(row, last_seen=now, properties=dict(properties))
            return row

    def seen_all(self, serials: Iterable[str]) -> None:
        """These devices answered lately; one transaction for all."""
        now = time.time()
        with self._lock, self._database.write() as db:
            for serial in serials:
                if serial in self._rows:
                    db.execute("UPDATE devices SET last_seen = ? WHERE serial = ?", (now, serial))
                    self._rows[serial] = replace(self._rows[serial], last_seen=now)

    def name(self, serial: str, *, name: str, pool: str, labels: frozenset[str]) -> None:
        """What the lab calls it."""
        self._set(serial, name=name, pool=pool, labels=labels)

    def enrolled(self, serial: str, enrolment: str) -> None:
        """An enrolment (JSON) is over; it answers what a person was needed for, too."""
        self._set(serial, "enrolled", enrolment=enrolment, enrolled=time.time(), needs_human="")

    def fault(self, serial: str, detail: str) -> int:
        """One more infrastructure error; how many in a row that makes. 0 for a device that is not known."""
        known = self.get(serial)
        if known is None:
            return 0
        self._set(serial, "fault", detail, faults=known.faults + 1)
        return known.faults + 1

    def sound(self, serial: str) -> None:
        """It did its work: errors are counted anew."""
        known = self.get(serial)
        if known is not None and known.faults:
            self._set(serial, faults=0)

    def quarantine(self, serial: str, reason: str) -> None:
        """Nothing runs there until `release`."""
        self._set(serial, "quarantined", reason, quarantine=reason, quarantined=time.time())

    def release(self, serial: str) -> None:
        """End quarantine, and what a person was needed for."""
        known = self.get(serial)
        if known is not None and (known.quarantine or known.needs_human or known.faults):
            self._set(serial, "released", faults=0, quarantine="", quarantined=None, needs_human="")

    def needs_human(self, serial: str, reason: str) -> None:
        """Nothing runs there until somebody looked."""
        known = self.get(serial)
        if known is not None and known.needs_human != reason:
            self._set(serial, "needs-human", reason, needs_human=reason)

    def reserve(self, serial: str, reservation: Reservation) -> None:
        """Only this user's runs go there, until it is over. Replaces another."""
        r = reservation
        with self._lock, self._database.write() as db:
            db.execute(
                "INSERT OR REPLACE INTO reservations (serial, user, since, expires, reason) VALUES (?, ?, ?, ?, ?)",
                (serial, r.user, r.since, r.expires, r.reason),
            )
            _note(db, serial, "reserved", f"{r.user}, {round(r.expires - r.since)} s{f': {r.reason}' * bool(r.reason)}")
            self._rows[serial] = replace(self._rows[serial], reservation=r)

    def give_back(self, serial: str) -> None:
        """End a reservation."""
        with self._lock, self._database.write() as db:
            db.execute("DELETE FROM reservations WHERE serial = ?", (serial,))
            _note(db, serial, "given back", "")
            self._rows[serial] = replace(self._rows[serial], reservation=None)

    def forget(self, serial: str) -> None:
        """Know nothing of the device any more, but what happened to it."""
        with self._lock, self._database.write() as db:
            db.execute("DELETE FROM reservations WHERE serial = ?", (serial,))
            db.execute("DELETE FROM devices WHERE serial = ?", (serial,))
            _note(db, serial, "forgotten", "")
            self._rows.pop(serial, None)

    def note(self, happened: Iterable[tuple[str, str, str]]) -> None:
        """Write down what happened: serial, kind, detail."""
        with self._database.write() as db:
            for serial, kind, detail in happened:
                _note(db, serial, kind, detail)

    def events(self, serial: str, limit: int) -> list[DeviceEvent]:
        """The newest first."""
        sql = "SELECT at, serial, kind, detail FROM device_events WHERE serial = ? ORDER BY id DESC LIMIT ?"
        return [DeviceEvent(*row) for row in self._database.read(sql, serial, limit)]

    def _set(self, serial: str, kind: str = "", detail: str = "", **values: Any) -> None:
        """Change a device that is known."""
        with self._lock:
            known = self._rows.get(serial)
            if known is None:
                return
            stored = {k: json.dumps(sorted(v)) if isinstance(v, frozenset) else v for k, v in values.items()}
            columns = ", ".join(f"{column} = ?" for column in stored)  # of ours, never a user's
            with self._database.write() as db:
                db.execute(f"UPDATE devices SET {columns} WHERE serial = ?", (*stored.values(), serial))  # noqa: S608
                if kind:
                    _note(db, serial, kind, detail)
            self._rows[serial] = replace(known, **values)


def _note(db: Connection, serial: str, kind: str, detail: str) -> None:
    log.info("%s%s", kind, f": {detail}" if detail else "", extra={"serial": serial})
    db.execute(
        "INSERT INTO device_events (at, serial, kind, detail) VALUES (?, ?, ?, ?)", (time.time(), serial, kind, detail)
    )
    db.execute(
        "DELETE FROM device_events WHERE serial = ? AND id <="
        " (SELECT id FROM device_events WHERE serial = ? ORDER BY id DESC LIMIT 1 OFFSET ?)",
        (serial, serial, EVENTS_KEPT),
    )


def _row(row: Row) -> DeviceRow:
    values = dict(row) | {
        "labels": frozenset(json.loads(row["labels"])),
        "properties": json.loads(row["properties"]),
    }
    return DeviceRow(**values)


def _reservation(row: Row) -> Reservation:
    return Reservation(row["user"], row["since"], row["expires"], row["reason"])
