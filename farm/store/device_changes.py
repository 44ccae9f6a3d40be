"""Devices that went out of order, or came back, between two moments."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from farm.store.database import Database


@dataclass(frozen=True)
class DeviceChange:
    """The newest of these things that happened to a device. `at` is in Unix seconds."""

    serial: str
    kind: str
    """`quarantined`, `needs-human` or `released`."""
    detail: str
    at: float


def device_changes(database: Database, since: float, until: float) -> list[DeviceChange]:
    """By serial, of those to which any of it happened in (since, until], Unix seconds."""
    rows = database.read(
        "SELECT serial, kind, detail, at, max(id) FROM device_events WHERE at > ? AND at <= ?"
        " AND kind IN ('quarantined', 'needs-human', 'released') GROUP BY serial ORDER BY serial",
        since,
        until,
    )
    return [DeviceChange(row["serial"], row["kind"], row["detail"], row["at"]) for row in rows]


def out_of_order(database: Database) -> tuple[str, ...]:
    """Serials of devices in quarantine, or that need a person."""
    rows = database.read("SELECT serial FROM devices WHERE quarantine <> '' OR needs_human <> '' ORDER BY serial")
    return tuple(row["serial"] for row in rows)


def virtual(database: Database) -> tuple[str, ...]:
    """Serials of virtual phones."""
    rows = database.read(
        "SELECT serial FROM devices WHERE properties ->> '$.\"ro.farm.virtual\"' = '1' ORDER BY serial"
    )
    return tuple(row["serial"] for row in rows)
