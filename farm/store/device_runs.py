"""The newest runs on a device."""

from __future__ import annotations

from typing import TYPE_CHECKING

from farm.report.device_run import DeviceRun

if TYPE_CHECKING:
    from farm.store.database import Database

_RUNS = """
SELECT r.id AS run, r.job, j.summary ->> '$.model' AS model, r.status,
  CASE WHEN r.status = 'done' THEN coalesce(r.verdict ->> '$.kind', '') ELSE '' END AS verdict,
  CASE WHEN r.status = 'done' THEN coalesce(r.verdict ->> '$.cause', '') ELSE '' END AS cause,
  CASE WHEN r.status = 'failed' THEN coalesce(r.error ->> '$.message', '') ELSE '' END AS error
FROM runs r JOIN jobs j ON j.id = r.job WHERE r.id IN (
  SELECT run FROM leases WHERE serial = ?1 UNION ALL
  SELECT * FROM (SELECT id FROM runs WHERE serial = ?1 AND ended IS NOT NULL ORDER BY ended DESC LIMIT ?2))
ORDER BY r.ended IS NOT NULL, r.ended DESC LIMIT ?2"""


def device_runs(database: Database, serial: str, limit: int) -> list[DeviceRun]:
    """The one that runs, then those that ran last."""
    return [DeviceRun.model_validate(dict(row)) for row in database.read(_RUNS, serial, limit)]
