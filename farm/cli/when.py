"""Moments and lengths of time as people write them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from farm.errors import InputsError

UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_LENGTH = re.compile(r"\+?((?:\d{1,6}(?:\.\d{1,3})?[smhd])+)")
_PART = re.compile(r"([\d.]+)([smhd])")
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})")


def length(text: str, where: str) -> float:
    """Seconds of `90m`, `2h30m`, `1.5d`.

    Raises:
        InputsError: it is none.
    """
    found = _LENGTH.fullmatch(text.strip())
    if found is None:
        raise InputsError(f"{text!r} is no length of time", where=where, remedy="for example 90m, 2h30m, 1d")
    return sum(float(number) * UNITS[unit] for number, unit in _PART.findall(found[1]))


def moment(text: str, where: str, now: datetime) -> float:
    """Unix seconds of `22:00` (the next time it is that late), `+2h`, or an ISO 8601 date; local time where no zone is told.

    `now` has a time zone.

    Raises:
        InputsError: it is none.
    """
    text = text.strip()
    if _LENGTH.fullmatch(text):
        return now.timestamp() + length(text, where)
    try:
        if clock := _CLOCK.fullmatch(text):
            today = now.replace(hour=int(clock[1]), minute=int(clock[2]), second=0, microsecond=0)
            return (today if today > now else today + timedelta(days=1)).timestamp()
        told = datetime.fromisoformat(text)
        told = told if told.tzinfo is not None else told.replace(tzinfo=now.tzinfo or UTC)
        seconds = told.timestamp()
    except (ValueError, OverflowError) as e:
        raise InputsError(
            f"{text!r} is no moment", where=where, remedy="for example 22:00, +2h, 2030-01-31, 2030-01-31T22:00"
        ) from e
    if seconds < 0:
        raise InputsError(f"{text!r} is before 1970", where=where, remedy="a moment to come is meant")
    return seconds
