"""A lab with a regression whose captures are there: some nights as ever, then slower and wrong ones, and a second look."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from farm.store import nights, series
from farm.trend.shift import Shift
from tests.daemon.lab import until
from tests.gate.lab import GateLab, Manner
from tests.schedule.lab import schedule

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

QUICK, SLOW = (1.0, 1.1, 1.2, 1.3), (1.5, 1.65, 1.8, 1.95)
FRAMES = 60


@contextlib.contextmanager
def shifted_lab(data: Path) -> Iterator[GateLab]:
    """Three nights as ever, two that are slower and wrong in ten frames; the shift was run again, and is regression 1."""
    lab = GateLab(data, (), frames=FRAMES)
    with lab.started() as found:
        found.daemon.schedules.add(schedule(), found.asked("m"))
        runs = [night(found, manner) for manner in (Manner(0, QUICK),) * 3 + (Manner(10, SLOW),) * 2]
        again = found.job("m", Manner(10, SLOW), times=3)
        (one,) = series.find(found.daemon.state, metric="latency.median", schedule="nightly")
        points = series.points(found.daemon.state, one.id)
        assert [p.run for p in points] == runs
        shift = Shift(
            begins=points[3].at, run=runs[3], before=points[0].value, after=points[3].value, nights_before=3,
            nights_after=2, change=0.5, worse=True, p_value=0.002, spread=0.01,
        )  # fmt: skip
        with found.daemon.state.write() as db:
            db.execute(
                "INSERT INTO regressions (id, series, begins, status, found, changed, job, document)"
                " VALUES (1, ?, ?, 'confirmed', ?, ?, ?, ?)",
                (one.id, shift.begins, points[4].at, points[4].at, again, shift.model_dump_json()),
            )
        yield found


def night(at: GateLab, manner: Manner) -> int:
    """Its run."""
    at.manners["m"] = manner
    made = at.daemon.schedules.run_now("nightly", None)
    until(lambda: (found := nights.night(at.daemon.state, made.id)) is not None and found.status == "over")
    (job,) = at.daemon.schedules.night(made.id).jobs
    (run,) = at.daemon.jobs.job(job).runs
    return run.id
