"""Cron's five fields: read, and when they come next in a time zone whose clocks are changed.

Fields are minute, hour, day of the month, month and day of the week, as in POSIX crontab(5): lists, ranges, steps, names
of months and days; 0 and 7 are both Sunday. Where both days are given, either will do.

A wall clock is not a line. A time that the clocks skip is due the moment they have skipped it; one that comes twice is due the
first time, unless every hour is meant (hour `*`), which then is due both times.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from farm.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from zoneinfo import ZoneInfo

MONTHS = ("january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
          "december")  # fmt: skip
DAYS = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
WORDS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
LONGEST = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
"""Days of each month, in a year that has most."""
REMEDY = "five fields: minute hour day month weekday, say '30 2 * * mon-fri', or @daily, @weekly, ..."
_ITEM = re.compile(r"(?P<first>\*|\w+)(?:-(?P<last>\w+))?(?:/(?P<step>\d{1,4}))?")


@dataclass(frozen=True)
class Field:
    """One of the five: what it is called, what it may hold, and the names of its values from `low` on."""

    name: str
    low: int
    high: int
    names: tuple[str, ...] = ()


FIELDS = (
    Field("minute", 0, 59),
    Field("hour", 0, 23),
    Field("day", 1, 31),
    Field("month", 1, 12, MONTHS),
    Field("weekday", 0, 7, DAYS),
)


@dataclass(frozen=True)
class Cron:
    """What was read: the values of each field; weekdays count from Monday, 0."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    either: bool
    """Day and weekday are both restricted: one of them is enough."""
    every_hour: bool

    def falls_on(self, day: date) -> bool:
        """Whether the date is one of its days."""
        if day.month not in self.months:
            return False
        in_month, in_week = day.day in self.days, day.weekday() in self.weekdays
        return (in_month or in_week) if self.either else (in_month and in_week)

    def moments(self, zone: ZoneInfo, after: datetime) -> Iterator[datetime]:
        """Every moment after `after`, in UTC, ascending, each once; without end."""
        after = after.astimezone(UTC)
        day = after.astimezone(zone).date() - timedelta(days=1)  # what a change of clocks puts off is of the day before
        waiting: set[datetime] = set()
        while True:
            if self.falls_on(day):
                waiting.update(self._of(day, zone))
            day += timedelta(days=1)
            final = _instant(datetime(day.year, day.month, day.day), zone)  # a wall clock's
            for moment in sorted(moment for moment in waiting if moment < final):
                waiting.remove(moment)
                if moment > after:
                    yield moment

    def next(self, zone: ZoneInfo, after: datetime) -> datetime:
        """The first moment after `after`, in UTC."""
        return next(self.moments(zone, after))

    def _of(self, day: date, zone: ZoneInfo) -> Iterator[datetime]:
        """The moments of a date, in UTC."""
        for hour in self.hours:
            for minute in self.minutes:
                wall = datetime(day.year, day.month, day.day, hour, minute)  # a wall clock's
                yield _instant(wall, zone)
                if self.every_hour:
                    yield _instant(wall, zone, again=True)


def parse(text: str) -> Cron:
    """Read five fields, or a word such as `@daily`.

    Raises:
        SettingsError: naming the column; also where no date ever matches.
    """
    meant = WORDS.get(text.strip().lower(), text)
    found = list(re.finditer(r"\S+", meant))
    if len(found) != len(FIELDS):
        what = f"{text.strip()!r} is no word for a schedule" if text.lstrip()[:1] == "@" else f"has {len(found)} fields"
        raise _error(text, len(text) if len(found) < len(FIELDS) else found[len(FIELDS)].start(), what)
    minutes, hours, days, months, weekdays = (
        _values(field, match[0], text, match.start()) for field, match in zip(FIELDS, found, strict=True)
    )
    restricted = [not match[0].startswith("*") for match in found]
    either = restricted[2] and restricted[4]
    if not either and not any(day <= LONGEST[month - 1] for month in months for day in days):
        raise _error(text, found[2].start(), f"no month of {found[3][0]} has a day {found[2][0]}")
    return Cron(
        minutes, hours, days, months, frozenset((day - 1) % 7 for day in weekdays), either, len(hours) == 24
    )  # fmt: skip


def weekdays(text: str, where: str) -> frozenset[int]:
    """Days of the week as cron's last field has them (`mon-fri`, `sat,sun`); Monday is 0.

    Raises:
        SettingsError: naming `where`.
    """
    try:
        return frozenset((day - 1) % 7 for day in _values(FIELDS[4], text.strip(), text, 0))
    except SettingsError as e:
        raise SettingsError(e.message, where=where, remedy="for example mon-fri, or sat") from e


def zone_of(name: str) -> ZoneInfo:
    """The zone of an IANA name; of an empty one, this computer's own.

    Raises:
        SettingsError: there is none of this name.
    """
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    if not name:
        from tzlocal import get_localzone

        try:
            return get_localzone()
        except (ZoneInfoNotFoundError, ValueError) as e:
            raise SettingsError(
                f"this computer does not tell its zone: {e}", where="zone", remedy="name it, say Europe/Berlin"
            ) from e
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as e:
        raise SettingsError(
            f"there is no time zone {name!r}", where="zone", remedy="an IANA name, say Europe/Berlin, or UTC"
        ) from e


def _values(field: Field, text: str, whole: str, column: int) -> frozenset[int]:
    values: set[int] = set()
    at = column
    for item in text.split(","):
        match = _ITEM.fullmatch(item)
        if match is None or (match["first"] == "*" and match["last"]):
            raise _error(whole, at, f"{field.name}: {item!r} is no value, range or step")
        step = int(match["step"] or 1)
        if step == 0:
            raise _error(whole, at, f"{field.name}: a step of 0 leads nowhere")
        if match["first"] == "*":
            first, last = field.low, field.high - (field.names is DAYS)  # 7 is Sunday once more
        else:
            first = _value(field, match["first"], whole, at)
            last = first if match["last"] is None else _value(field, match["last"], whole, at)
            if match["step"] and match["last"] is None:
                raise _error(whole, at, f"{field.name}: a step needs a range, as in {match['first']}-{field.high}")
        if first > last and field.names is not DAYS:
            raise _error(whole, at, f"{field.name}: {item!r} ends before it begins")
        if first > last:  # over the weekend
            last += 7
        values.update(range(first, last + 1, step))
        at += len(item) + 1
    return frozenset(values)


def _value(field: Field, word: str, whole: str, column: int) -> int:
    low = word.lower()
    for number, name in enumerate(field.names, field.low):
        if low in (name, name[:3]):
            return number
    if not (word.isascii() and word.isdigit() and len(word) < 5 and field.low <= int(word) <= field.high):
        names = f", or {field.names[0][:3]} to {field.names[-1][:3]}" if field.names else ""
        raise _error(whole, column, f"{field.name}: {word!r} is not {field.low} to {field.high}{names}")
    return int(word)


def _error(text: str, column: int, what: str) -> SettingsError:
    return SettingsError(what, where=f"cron {text!r}, column {column + 1}", remedy=REMEDY)


def _instant(wall: datetime, zone: ZoneInfo, *, again: bool = False) -> datetime:
    """When a wall clock of the zone shows `wall`, in UTC: the first time, or `again`, the last.

    A time that is skipped: the moment it was skipped.
    """
    first, last = (wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    if last < first:  # skipped: read with the offset after the change it comes before it, and the other way round
        return _change(last, first, zone)
    return last if again else first


def _change(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """The moment in (before, after] at which the zone's offset becomes that of `after`, to the second."""
    old = before.astimezone(zone).utcoffset()
    low, high = int(before.timestamp()), int(after.timestamp())
    while high - low > 1:
        middle = (low + high) // 2
        if datetime.fromtimestamp(middle, zone).utcoffset() == old:
            low = middle
        else:
            high = middle
    return datetime.fromtimestamp(high, UTC)
