"""What the sentinel's runs gave, night by night."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from farm.store.database import Database

KIND = "sentinel"
# Jobs first, there are few of this kind; and documents last, of the nights that are asked for alone.
_NIGHTS = """
SELECT r.serial, r.ended, r.document ->> '$.latency_ms.median' AS median_ms, r.document ->> '$.conditions.runtime' AS runtime,
  r.document ->> '$.accuracy.top1' AS top1, r.document ->> '$.accuracy.top5' AS top5,
  r.document ->> '$.accuracy.agreement' AS agreement
FROM (SELECT d.id, row_number() OVER (PARTITION BY d.serial ORDER BY d.id DESC) AS back FROM jobs j CROSS JOIN runs d
  WHERE d.job = j.id AND j.kind = ?1 AND d.status = 'done' AND (?3 = '' OR d.serial = ?3)) p
CROSS JOIN runs r WHERE r.id = p.id AND p.back <= ?2 AND r.ended IS NOT NULL ORDER BY r.ended"""


@dataclass(frozen=True)
class Night:
    """One run of the golden model that was done."""

    serial: str
    ended: float
    """Unix seconds."""
    median_ms: float
    top1: float | None
    answers: str
    """Equal when all that was compared is equal: accuracy and agreement with the reference."""
    runtime: str
    """The first digits of its hash: figures of two runtimes are not compared."""


def last(database: Database) -> dict[str, float]:
    """When each device's newest sentinel run was submitted or ended, Unix seconds."""
    sql = (
        "SELECT r.serial, max(coalesce(r.ended, unixepoch(j.created, 'subsec'))) AS at FROM runs r"
        " JOIN jobs j ON j.id = r.job WHERE j.kind = ? GROUP BY r.serial"
    )
    return {row["serial"]: row["at"] for row in database.read(sql, KIND)}


def state(database: Database) -> tuple[int, int]:
    """The newest job, and how many are open: as long as both stay, no night came to an end."""
    sql = "SELECT coalesce(max(id), 0), coalesce(sum(status IN ('queued', 'running')), 0) FROM jobs WHERE kind = ?"
    newest, unfinished = database.read(sql, KIND)[0]
    return newest, unfinished


def nights(database: Database, limit: int = 60, *, serial: str = "") -> dict[str, list[Night]]:
    """Up to `limit` nights of each device, or of one, oldest first."""
    found: dict[str, list[Night]] = {}
    for row in database.read(_NIGHTS, KIND, limit, serial):
        if row["median_ms"] is None:
            continue
        night = Night(
            serial=row["serial"],
            ended=row["ended"],
            median_ms=row["median_ms"],
            top1=row["top1"],
            answers=json.dumps([row["top1"], row["top5"], row["agreement"]]),
            runtime=row["runtime"] or "",
        )
        found.setdefault(night.serial, []).append(night)
    return found
