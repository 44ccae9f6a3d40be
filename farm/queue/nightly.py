"""A night of a schedule becomes a job: planned on the devices there are, told which of them are missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from farm.fleet.selector import parse
from farm.queue.planner import plan
from farm.queue.scheduler import coming
from farm.schedule.schedule import Missing
from farm.store import nights

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from farm.fleet.device import Device
    from farm.schedule.schedule import Night, Schedule
    from farm.store.state import State
    from farm.submission import Submission


def missing(selector: str, devices: Sequence[Device]) -> list[Missing]:
    """The devices that match and take no runs, and where they stand.

    Raises:
        SelectorError: the selector cannot be parsed.
    """
    clauses = parse(selector)
    away = [d for d in devices if not coming(d) and all(clause.matches(d) for clause in clauses)]
    return [
        Missing(serial=d.serial, name=d.name, condition=d.state)
        if d.standing is None
        else Missing(
            serial=d.serial, name=d.name, condition=d.standing.condition, reason=d.standing.reason,
            remedy=d.standing.remedy,
        )
        for d in away
    ]  # fmt: skip


def terms_of(submission: Submission, schedule: Schedule, fired: float) -> Submission:
    """The submission as a night that was fired then (Unix seconds) has it: what it gives is its own, never shared."""
    within = None if schedule.within_h is None else fired + schedule.within_h * 3600.0
    terms = submission.terms.model_copy(update={"priority": schedule.priority, "deadline": within, "fresh": True})
    return submission.model_copy(update={"terms": terms})


def queue(
    state: State,
    devices: Sequence[Device],
    check: Callable[[Submission], None],
    night: Night,
    schedule: Schedule,
    submission: Submission,
    note: str = "",
) -> int:
    """Queue a night's job, and leave the night with a note; the job's number. One that has a job already keeps it.

    Raises:
        NoDeviceError, SelectorError: no device that matches is ready.
        JobError: `check` refuses the submission.
    """
    known = state.job_of_key(nights.key(night.id))
    if known is not None:
        return known
    asked = terms_of(submission, schedule, night.fired)
    nights.miss(state, night.id, missing(asked.selector, devices))
    check(asked)
    placements = plan(asked, devices)
    nights.tell(state, night.id, note)
    return state.add_job(
        asked, placements, key=nights.key(night.id), user=nights.KIND, kind=nights.KIND, night=night.id
    )
