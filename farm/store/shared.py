"""Runs that share one result: a leader does the work, its followers (`same_as`) get what it gave."""

from __future__ import annotations

from typing import TYPE_CHECKING

from farm.store.database import record

if TYPE_CHECKING:
    from farm.report.document import Run
    from farm.store import sqlite


def promote(db: sqlite.Connection, leader: int) -> None:
    """The leader will not do the work: its oldest follower takes its place."""
    followers = db.execute(
        "SELECT id FROM runs WHERE same_as = ? AND status = 'queued' ORDER BY id", (leader,)
    ).fetchall()
    if followers:
        first = followers[0]["id"]
        db.execute("UPDATE runs SET same_as = NULL WHERE id = ?", (first,))
        db.execute("UPDATE runs SET same_as = ? WHERE same_as = ? AND status = 'queued'", (first, leader))


def share(db: sqlite.Connection, run: Run) -> list[int]:
    """Give the leader's end to its followers; the jobs they belong to."""
    rows = db.execute(
        "SELECT id, job, configuration, repetition FROM runs WHERE same_as = ? AND status = 'queued'", (run.id,)
    ).fetchall()
    for row in rows:
        fields = {"id": row["id"], "variant": row["configuration"], "repetition": row["repetition"], "same_as": run.id}
        target = run.target
        db.execute(
            "UPDATE runs SET status = ?, verdict = ?, error = ?, document = ?, attempt = ?, serial = ?, target = ? WHERE id = ?",
            (
                *(run.status, run.verdict and run.verdict.model_dump_json(), run.error and run.error.model_dump_json()),
                *(run.model_copy(update=fields).model_dump_json(), run.attempt),
                *(target.serial if target else "", target.model_dump_json() if target else "", row["id"]),
            ),
        )
        record(db, run.status, run=row["id"], detail=f"the same as run {run.id}")
    return [row["job"] for row in rows]
