"""Times of day in which nothing is fired."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from farm.schedule import cron

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from farm.schedule.schedule import Blackout


def covering(windows: Iterable[Blackout], wall: datetime) -> Blackout | None:
    """The first of the windows that holds this time of a wall clock; None when none does.

    A window holds its first minute and not its last. One whose ends are the same is the whole day.
    """
    clock = wall.strftime("%H:%M")
    for window in windows:
        today, yesterday = (_is_on(window, wall - timedelta(days=back)) for back in (0, 1))
        if window.since < window.until:
            holds = today and window.since <= clock < window.until
        else:  # past midnight
            holds = (today and clock >= window.since) or (yesterday and clock < window.until)
        if holds:
            return window
    return None


def words(window: Blackout) -> str:
    """As a person writes it: `08:00-18:00 mon-fri`."""
    return " ".join((f"{window.since}-{window.until}", ",".join(window.days))).strip()


def _is_on(window: Blackout, day: datetime) -> bool:
    return not window.days or any(day.weekday() in cron.weekdays(text, "days") for text in window.days)
