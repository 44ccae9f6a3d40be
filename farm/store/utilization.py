"""How long runs held the devices, by day."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from farm.store.database import Database

_ENDED = (
    "SELECT r.serial, sum(r.ended - max(r.started, ?2)) FROM json_each(?1) d JOIN runs r ON r.serial = d.value"
    " WHERE r.ended > ?2 AND r.ended <= ?3 AND r.started <= r.ended GROUP BY r.serial"
)
_SPANNING = (
    "SELECT r.serial, r.started, ?2 FROM json_each(?1) d JOIN runs r ON r.serial = d.value"
    " WHERE r.ended > ?2 AND r.ended <= ?3 AND r.started < ?2"
)
_RUNNING = "SELECT serial, started, ? FROM runs WHERE status = 'running' AND started IS NOT NULL"


def busy(database: Database, serials: Sequence[str], days: Sequence[float], now: float) -> dict[str, list[float]]:
    """The share of each day that runs took of each of these devices; the last day is taken up to `now`.

    `days` are the days' beginnings, the oldest first, Unix seconds. A device on which nothing ran is left out.
    """
    if not days or not serials:
        return {}
    named, ends = json.dumps(list(serials)), [*days[1:], max(now, days[-1])]
    held: dict[str, list[float]] = {}

    def add(serial: str, day: int, seconds: float) -> None:
        held.setdefault(serial, [0.0] * len(days))[day] += seconds

    spanning = [row for row in database.read(_RUNNING, now) if row["serial"] in set(serials)]
    for day, (begins, end) in enumerate(zip(days, ends, strict=True)):
        for serial, seconds in database.read(_ENDED, named, begins, end):
            add(serial, day, seconds)
        spanning += database.read(_SPANNING, named, begins, end)
    for serial, started, until in spanning:  # what began on a day before the one it ended on; what runs still
        for day, (begins, end) in enumerate(zip(days, ends, strict=True)):
            add(serial, day, max(0.0, min(until, end) - max(started, begins)))
    lengths = [end - begins for begins, end in zip(days, ends, strict=True)]
    return {
        serial: [
            min(1.0, seconds / length) if length > 0 else 0.0 for seconds, length in zip(found, lengths, strict=True)
        ]
        for serial, found in held.items()
    }
