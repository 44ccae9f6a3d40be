"""What a schedule does now: a pure function of when it was due, what stands in the way, and the time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from farm.schedule import cron
from farm.schedule.blackout import covering, words

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from farm.schedule.schedule import Blackout, Schedule

ON_TIME_S = 300.0
"""A moment not longer ago than this was not missed: a daemon that is started again is away for less."""


@dataclass(frozen=True)
class Decision:
    """A night to be made. Times are Unix seconds."""

    fire_at: float
    """The moment it is of: the last that was due."""
    missed: int
    """Earlier moments that it stands for."""
    next_at: float
    """When the schedule is due again."""
    skipped: str = ""
    """Why nothing is submitted; empty: it is."""


def first(schedule: Schedule, now: float) -> float:
    """When a schedule is due first, after `now`; Unix seconds both.

    Raises:
        SettingsError: its cron or its zone is wrong.
    """
    return cron.parse(schedule.cron).next(cron.zone_of(schedule.zone), _utc(now)).timestamp()


def decide(schedule: Schedule, next_at: float, now: float, *, open_night: int | None = None) -> Decision | None:
    """What becomes of all moments from `next_at` to `now`: one night, whatever their number; None when none was due.

    Moments within a blackout are not owed, and where the time itself is within one nothing is submitted: a lab that
    was off at night does not begin in working hours. Without `catch_up` nothing is submitted for a moment that is past.
    `open_night` is one of the schedule's that still runs: this one is left out then, or nights would pile up.

    Raises:
        SettingsError: the schedule's cron or its zone is wrong.
    """
    if next_at > now:
        return None
    fields, zone = cron.parse(schedule.cron), cron.zone_of(schedule.zone)
    last, due, owed = next_at, 0, 0
    standing = covering(schedule.blackout, _wall(now, zone))
    blackout: Blackout | None = None
    moments = fields.moments(zone, _utc(next_at))
    moment = next_at
    while moment <= now:
        inside = covering(schedule.blackout, _wall(moment, zone))
        due += 1
        blackout = inside or blackout
        if inside is None:
            last, owed = moment, owed + 1
        elif not owed:
            last = moment
        moment = next(moments).timestamp()
    skipped = ""
    if standing is not None or not owed:
        window = standing or blackout
        assert window is not None  # noqa: S101  # what is not owed was within one
        skipped = f"within the blackout {words(window)}"
    elif not schedule.catch_up and now - last > ON_TIME_S:
        skipped = "the lab was down, and catch_up is off"
    elif open_night is not None:
        skipped = f"night {open_night} is not over"
    return Decision(fire_at=last, missed=(owed or due) - 1, next_at=moment, skipped=skipped)


def _utc(unix: float) -> datetime:
    return datetime.fromtimestamp(unix, UTC)


def _wall(unix: float, zone: ZoneInfo) -> datetime:
    return datetime.fromtimestamp(unix, zone)
