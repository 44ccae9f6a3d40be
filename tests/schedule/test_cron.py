"""Cron's fields, read and followed, beside a clock on the wall that is looked at every minute."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise, takewhile
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from farm.errors import SettingsError
from farm.schedule import cron

MINUTE = timedelta(minutes=1)
DAYS = 2
CHANGES = [
    ("Europe/Berlin", datetime(2026, 3, 28)),
    ("Europe/Berlin", datetime(2026, 10, 24)),
    ("America/St_Johns", datetime(2010, 11, 6)),  # back from 00:01 to 23:01 of the day before
    ("Australia/Lord_Howe", datetime(2026, 4, 4)),  # by half an hour
    ("Australia/Lord_Howe", datetime(2026, 10, 3)),
    ("America/Sao_Paulo", datetime(2018, 11, 3)),  # at midnight, which then is not there
    ("Pacific/Apia", datetime(2011, 12, 29)),  # a whole day that is not there
    ("Africa/Casablanca", datetime(2026, 2, 14)),
    ("Asia/Kolkata", datetime(2026, 5, 1)),
]


@st.composite
def fields(draw: st.DrawFn, low: int, high: int) -> tuple[str, frozenset[int]]:
    """A field's text, and the values it means."""
    everything = range(low, high + 1)
    match draw(st.sampled_from(["*", "*/", "list", "list", "-"])):
        case "*":
            return "*", frozenset(everything)
        case "*/":
            step = draw(st.integers(1, high))
            return f"*/{step}", frozenset(everything[::step])
        case "-":
            first = draw(st.integers(low, high))
            last, step = draw(st.integers(first, high)), draw(st.integers(1, 5))
            return f"{first}-{last}/{step}", frozenset(range(first, last + 1, step))
    chosen = draw(st.lists(st.integers(low, high), min_size=1, max_size=4))
    return ",".join(map(str, chosen)), frozenset(chosen)


def watched(parts: list[tuple[str, frozenset[int]]], zone: ZoneInfo, begin: datetime, minutes: int) -> list[datetime]:
    """What a watcher sees who compares a wall clock with the fields once a minute, and notices when it jumps."""
    minute, hour, day, month, weekday = (values for _, values in parts)
    either = not parts[2][0].startswith("*") and not parts[4][0].startswith("*")

    def meant(wall: datetime) -> bool:
        days = wall.day in day, wall.isoweekday() % 7 in weekday
        return (
            wall.minute in minute and wall.hour in hour and wall.month in month and (any(days) if either else all(days))
        )

    found = []
    latest = begin.astimezone(zone).replace(tzinfo=None)
    for count in range(1, minutes + 1):
        now = begin + count * MINUTE
        wall = now.astimezone(zone).replace(tzinfo=None)
        passed = [latest + n * MINUTE for n in range(1, (wall - latest) // MINUTE + 1)]
        if any(map(meant, passed)) or (not passed and len(hour) == 24 and meant(wall)):
            found.append(now)
        latest = max(latest, wall)
    return found


@settings(max_examples=60)
@given(
    st.tuples(fields(0, 59), fields(0, 23), fields(1, 31), st.just(("*", frozenset(range(13)))), fields(0, 6)),
    st.sampled_from(CHANGES),
    st.integers(0, 1439),
)
def test_moments_are_those_that_a_watcher_sees(
    parts: tuple[tuple[str, frozenset[int]], ...], change: tuple[str, datetime], offset: int
) -> None:
    zone, begin = ZoneInfo(change[0]), change[1].replace(tzinfo=UTC) + offset * MINUTE
    seen = watched(list(parts), zone, begin, DAYS * 1440)
    read = cron.parse(" ".join(text for text, _ in parts))
    found = takewhile(lambda moment: moment <= begin + DAYS * 1440 * MINUTE, read.moments(zone, begin))
    assert list(found) == seen


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("30 2 * * *", ["28 02:30", "29 03:00", "30 02:30"]),  # the clocks skip 02:30, and it is due as they do
        ("0 * 29 * *", ["29 00:00", "29 01:00", "29 03:00", "29 04:00"]),
        ("*/15 1-2 29 3 *", ["29 01:00", "29 01:15", "29 01:30", "29 01:45", "29 03:00"]),
    ],
)
def test_a_time_that_the_clocks_skip_is_due_once(text: str, expected: list[str]) -> None:
    berlin = cron.zone_of("Europe/Berlin")
    found = cron.parse(text).moments(berlin, datetime(2026, 3, 27, 12, tzinfo=UTC))
    assert [m.astimezone(berlin).strftime("%d %H:%M") for m in islice(found, len(expected))] == expected


def test_a_time_that_comes_twice_is_due_once_unless_every_hour_is() -> None:
    berlin = cron.zone_of("Europe/Berlin")
    before = datetime(2026, 10, 24, 22, 30, tzinfo=UTC)
    nightly = cron.parse("30 2 * * *").moments(berlin, before)
    assert list(islice(nightly, 2)) == [
        datetime(2026, 10, 25, 0, 30, tzinfo=UTC),
        datetime(2026, 10, 26, 1, 30, tzinfo=UTC),
    ]
    hourly = list(islice(cron.parse("@hourly").moments(berlin, before), 4))
    assert [later - earlier for earlier, later in pairwise(hourly)] == 3 * [timedelta(hours=1)]


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("0 0 * * mon-fri", {0, 1, 2, 3, 4}),
        ("0 0 * * SUN", {6}),
        ("0 0 * * 0", {6}),
        ("0 0 * * 7", {6}),
        ("0 0 * * 1", {0}),
        ("0 0 * * 5-7", {4, 5, 6}),
        ("0 0 * * fri-mon", {4, 5, 6, 0}),
        ("0 0 * * monday,Wed", {0, 2}),
        ("@weekly", {6}),
    ],
)
def test_weekdays_are_crons_whatever_apscheduler_numbers(text: str, days: set[int]) -> None:
    assert cron.parse(text).weekdays == days


def test_months_have_names_and_leap_days_come() -> None:
    assert cron.parse("0 0 1 jan,June-aug *").months == {1, 6, 7, 8}
    assert cron.parse("0 0 29 feb *").next(cron.zone_of("UTC"), datetime(2096, 3, 1, tzinfo=UTC)).year == 2104


@pytest.mark.parametrize(
    ("text", "column", "message"),
    [
        ("", 1, "has 0 fields"),
        ("0 2 * *", 8, "has 4 fields"),
        ("0 2 * * * *", 11, "has 6 fields"),
        ("61 * * * *", 1, "minute: '61' is not 0 to 59"),
        ("0 1,24 * * *", 5, "hour: '24' is not 0 to 23"),
        ("0 0 * * mon-fry", 9, "weekday: 'fry' is not 0 to 7, or sun to sat"),
        ("0 22-6 * * *", 3, "ends before it begins"),
        ("*/0 * * * *", 1, "a step of 0"),
        ("5/10 * * * *", 1, "a step needs a range"),
        ("0 0 31 2,apr *", 5, "no month of 2,apr has a day 31"),
        ("0 ٣ * * *", 3, "hour"),
        ("@reboot", 8, "'@reboot' is no word"),
    ],
)
def test_errors_name_the_column(text: str, column: int, message: str) -> None:
    with pytest.raises(SettingsError) as e:
        cron.parse(text)
    assert message in e.value.message
    assert e.value.where == f"cron {text!r}, column {column}"
    assert "five fields" in e.value.remedy


@given(st.text(max_size=60) | st.text("0123456789*/,-@ monfrijan", max_size=40))
def test_no_text_breaks_the_reader(text: str) -> None:
    try:
        read = cron.parse(text)
    except SettingsError:
        return
    assert read.next(cron.zone_of("Europe/Berlin"), datetime(2026, 3, 28, tzinfo=UTC)).year >= 2026


@pytest.mark.parametrize("name", ["Mars/Base", "Europe", "../../etc/passwd", "\0", "x" * 300, "europe berlin"])
def test_a_zone_must_be_known(name: str) -> None:
    with pytest.raises(SettingsError, match="there is no time zone"):
        cron.zone_of(name)


def test_without_a_name_it_is_the_zone_of_this_computer() -> None:
    # In a process of its own: what a process was told of its zone it keeps.
    program = "from farm.schedule import cron; print(cron.zone_of(''))"
    done = subprocess.run(
        [sys.executable, "-c", program],
        check=True,
        capture_output=True,
        text=True,
        env=os.environ | {"TZ": "Asia/Tokyo"},
    )
    assert done.stdout.strip() == "Asia/Tokyo"
