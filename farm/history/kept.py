"""The small tables that still change, read from the state file."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from farm.history.facts import Row, milliseconds

if TYPE_CHECKING:
    from farm.store import sqlite

_REGRESSIONS = """
SELECT r.id, s.schedule, s.model, s.serial, s.configuration, s.metric, s.unit, r.status, r.begins, r.found, r.changed,
  r.document ->> '$.before' AS before, r.document ->> '$.after' AS after, r.document ->> '$.change' AS change,
  r.document ->> '$.worse' AS worse, r.document ->> '$.p_value' AS p_value, r.job, r.user, r.reason, r.until
FROM regressions r JOIN series s ON s.id = r.series ORDER BY r.id"""
_NIGHTS = """
SELECT n.id, s.name, n.fire_at, n.fired, n.ended, n.missed, n.status, n.note,
  (SELECT count(*) FROM jobs WHERE night = n.id) AS jobs FROM nights n JOIN schedules s ON s.id = n.schedule ORDER BY n.id"""

_CHECKS = "SELECT id, at, gate, subject, test_set, answer, outcome, job, cost FROM gate_checks ORDER BY id"


def rows(db: sqlite.Connection) -> dict[str, list[Row]]:
    """By the table's name, values in the order of its columns."""
    return {
        "devices": [_device(row) for row in db.execute("SELECT * FROM devices ORDER BY serial")],
        "nights": [
            (*row[:2], *map(milliseconds, row[2:5]), *row[5:]) for row in map(tuple, db.execute(_NIGHTS))
        ],
        "regressions": [
            (*row[:8], *map(milliseconds, row[8:11]), *row[11:14], bool(row[14]), *row[15:19], milliseconds(row[19]))
            for row in map(tuple, db.execute(_REGRESSIONS))
        ],
        "gate_checks": [
            (row[0], milliseconds(row[1]), *row[2:])
            for row in map(tuple, db.execute(_CHECKS))
        ],
    }  # fmt: skip


def _device(row: sqlite.Row) -> Row:
    told = json.loads(row["properties"])
    sdk = told.get("ro.build.version.sdk", "")
    return (
        *(row["serial"], row["name"], row["pool"], " ".join(json.loads(row["labels"])), row["host"]),
        *(_text(told.get(f"ro.product.{name}")) for name in ("model", "manufacturer", "cpu.abi")),
        *(int(sdk) if sdk.isdecimal() and len(sdk) < 10 else None, _text(told.get("ro.build.fingerprint"))),
        *map(milliseconds, (row["first_seen"], row["last_seen"], row["enrolled"])),
        *(row["faults"], milliseconds(row["quarantined"]), row["quarantine"], row["needs_human"]),
    )


def _text(told: str | None) -> str | None:
    """What a device says of itself may be no Unicode."""
    return told and told.encode("utf-8", "replace").decode()
