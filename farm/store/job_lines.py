"""Jobs as lists show them: without submissions, reports or the runs' documents."""

from __future__ import annotations

from typing import TYPE_CHECKING

from farm.report.job_line import JobLine

if TYPE_CHECKING:
    from farm.store.database import Database

_JOBS = "SELECT id AS job, status, kind, summary ->> '$.model' AS model, user, created, night FROM jobs"
_FILTERS = {
    "status": "status = ?",
    "kind": "kind = ?",
    "before": "id < ?",
    "q": "(instr(lower(summary ->> '$.model'), ?) OR lower(user) = ?)",
}
"""Only those asked for are written: so each finds its index."""
_RUNS = """
SELECT job, count(*) AS runs, sum(status NOT IN ('queued', 'running')) AS over,
  sum(status = 'done' AND verdict ->> '$.kind' IS 'pass') AS passed,
  sum(status = 'done' AND verdict ->> '$.kind' IS 'fail') AS failed,
  sum(status = 'done' AND verdict ->> '$.kind' IS 'undecided') AS undecided,
  sum(status IN ('failed', 'canceled')) AS without
FROM runs WHERE job IN ({marks}) GROUP BY job"""


def job_lines(
    database: Database, limit: int, *, status: str = "", kind: str = "", before: int | None = None, q: str = ""
) -> list[JobLine]:
    """Up to `limit` jobs numbered below `before`, the newest first; `q` is in the model's name, or is the user."""
    asked = {"status": (status,), "kind": (kind,), "before": (before,), "q": (q.lower(), q.lower())}
    asked = {name: values for name, values in asked.items() if values[0]}
    where = f" WHERE {' AND '.join(_FILTERS[name] for name in asked)}" if asked else ""
    values = (value for found in asked.values() for value in found)
    jobs = database.read(f"{_JOBS}{where} ORDER BY id DESC LIMIT ?", *values, limit)
    numbers = [row["job"] for row in jobs]
    sql = _RUNS.format(marks=", ".join("?" * len(numbers)))
    counted = {row["job"]: dict(row) for row in database.read(sql, *numbers)} if numbers else {}
    return [JobLine.model_validate(dict(row) | counted.get(row["job"], {})) for row in jobs]
