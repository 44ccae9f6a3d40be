"""What the sentinel's runs gave, night by night."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from farm.store.database import Database

KIND = "sentinel"


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


def nights(database: Database, limit: int = 60) -> dict[str, list[Night]]:
    """Up to `limit` nights of each device, oldest first."""
    sql = (
        "SELECT * FROM (SELECT r.serial, r.ended, r.document,"
        " row_number() OVER (PARTITION BY r.serial ORDER BY r.ended DESC) AS back FROM runs r JOIN jobs j ON j.id = r.job"
        " WHERE j.kind = ? AND r.status = 'done' AND r.ended IS NOT NULL) WHERE back <= ? ORDER BY ended"
    )
    found: dict[str, list[Night]] = {}
    for row in database.read(sql, KIND, limit):
        run = json.loads(row["document"])
        if run["latency_ms"] is None:
            continue
        accuracy = run["accuracy"] or {}
        night = Night(
            serial=row["serial"],
            ended=row["ended"],
            median_ms=run["latency_ms"]["median"],
            top1=accuracy.get("top1"),
            answers=json.dumps([accuracy.get("top1"), accuracy.get("top5"), accuracy.get("agreement")]),
            runtime=run["conditions"].get("runtime", ""),
        )
        found.setdefault(night.serial, []).append(night)
    return found
