"""When people are told: the digest's moment, and quiet hours. Pure functions of the clock."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date, time
    from zoneinfo import ZoneInfo

RETRY_S, RETRY_GROWTH, RETRY_MAX_S = 60.0, 4.0, 3600.0
"""Between two attempts: at first, by how much longer each time, at most."""


def digest_day(now: float, at: time, zone: ZoneInfo | None) -> date:
    """The day of the newest digest that is due at `now` (Unix seconds), and so its name: `at` has passed on that day."""
    local = datetime.fromtimestamp(now, zone)
    passed = moment(local.date(), at, zone) <= now
    return local.date() if passed else local.date() - timedelta(days=1)


def day_of(now: float, zone: ZoneInfo | None) -> date:
    """The day it is at `now` (Unix seconds)."""
    return datetime.fromtimestamp(now, zone).date()


def moment(day: date, at: time, zone: ZoneInfo | None) -> float:
    """Unix seconds of a time of day; the first of two where clocks are put back, as much later as they are put forward."""
    return datetime.combine(day, at, zone).timestamp()


def is_quiet(now: float, hours: tuple[time, time] | None, zone: ZoneInfo | None) -> bool:
    """Whether `now` (Unix seconds) lies in quiet hours: from the first time of day on, until before the second."""
    if hours is None:
        return False
    since, until = hours
    clock = datetime.fromtimestamp(now, zone).time()
    return since <= clock < until if since < until else clock >= since or clock < until


def pause_s(attempts: int) -> float:
    """Seconds before the next attempt, after so many that failed."""
    return float(min(RETRY_MAX_S, RETRY_S * RETRY_GROWTH ** min(attempts - 1, 10)))
