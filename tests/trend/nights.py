"""A lab's past: nights of a schedule whose runs gave these figures, stored as the lab stores them, then moved back in time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from farm.report.document import Latency, Run, Target
from farm.schedule.schedule import Schedule
from farm.store.rows import Placement
from tests.daemon.lab import submission

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from farm.store.state import State
    from farm.submission import Submission

DAY = 86400.0
CONDITIONS = {"kernel": "delegate", "threads": "1", "context": "shell", "model": "m1", "runtime": "r1"}


def target(serial: str) -> Target:
    return Target(serial=serial, abi="x86_64", kind="virtual")


def measured(run: int, serial: str, median_ms: float, conditions: Mapping[str, str] = CONDITIONS) -> Run:
    latency = Latency(median=median_ms, p90=median_ms * 1.2, n=40, interval=(median_ms * 0.99, median_ms * 1.01))
    return Run(
        id=run, target=target(serial), status="done", latency_ms=latency, memory_mb=20.0, conditions=dict(conditions)
    )


def add_night(state: State, schedule: str, at: float) -> int:
    """A night that was due `at`; its number."""
    with state.write() as db:
        db.execute(
            "INSERT INTO schedules (name, source, document, created, paused) SELECT ?1, 'command', ?2, 0, 1"
            " WHERE NOT EXISTS (SELECT 1 FROM schedules WHERE name = ?1)",
            (schedule, Schedule(name=schedule, cron="0 2 * * *").model_dump_json()),
        )
        night = db.execute(
            "INSERT INTO nights (schedule, fire_at, fired) SELECT id, ?1, ?1 FROM schedules WHERE name = ?2",
            (at, schedule),
        ).lastrowid
    assert night is not None
    return night


def play(
    state: State,
    schedule: str,
    medians: Mapping[str, Sequence[float]],
    *,
    ended: float,
    conditions: Mapping[str, str] = CONDITIONS,
    asked: Submission | None = None,
) -> list[int]:
    """One night a day, the last of which ended at `ended`: the medians of latency by serial, in ms, the oldest first."""
    asked = asked or submission("m.tflite")
    count = len(next(iter(medians.values())))
    found = []
    for nth in range(count):
        at = ended - (count - 1 - nth) * DAY
        night = add_night(state, schedule, at - 120)
        found.append(night)
        job = state.add_job(asked, [Placement(target(s)) for s in medians], kind="nightly", night=night)
        for run in [r for r in state.queued() if r.job == job]:
            lease = state.claim(run.id, target(run.serial), 1.0)
            assert lease is not None
            state.finish(lease.token, measured(run.id, run.serial, medians[run.serial][nth], conditions))
        state.close_job(job, "done", "")
        with state.write() as db:
            db.execute("UPDATE points SET at = ? WHERE night = ?", (at - 60, night))
            db.execute("UPDATE runs SET ended = ? WHERE job = ?", (at - 60, job))
            db.execute("UPDATE nights SET ended = ? WHERE id = ?", (at, night))
    return found
