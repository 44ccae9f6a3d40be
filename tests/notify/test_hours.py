"""When people are told, over days on which clocks are changed."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from farm.notify.hours import RETRY_MAX_S, digest_day, is_quiet, moment, pause_s

ZONES = [ZoneInfo(name) for name in ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata")]
FIRST = datetime(2026, 1, 1, tzinfo=UTC).timestamp()
zones = st.sampled_from(ZONES)
times = st.builds(time, st.integers(0, 23), st.integers(0, 59))
moments = st.integers(0, 366 * 1440).map(lambda minute: FIRST + 60.0 * minute)


@given(looks=st.lists(moments, min_size=1, max_size=30), at=times, zone=zones)
def test_a_look_finds_the_newest_digest_due_and_each_day_has_one(looks: list[float], at: time, zone: ZoneInfo) -> None:
    days = [digest_day(now, at, zone) for now in sorted(looks)]
    assert days == sorted(days)
    for now, day in zip(sorted(looks), days, strict=True):
        assert moment(day, at, zone) <= now < moment(day + timedelta(days=1), at, zone)


@given(now=moments, since=times, until=times, zone=zones)
def test_quiet_hours_are_those_that_a_wall_clock_shows(now: float, since: time, until: time, zone: ZoneInfo) -> None:
    clock = datetime.fromtimestamp(now, zone)
    minutes, begin, end = (60 * t.hour + t.minute for t in (clock, since, until))
    inside = any(begin <= minutes + day < end + 1440 * (end < begin) for day in (0, 1440))
    if since != until:
        assert is_quiet(now, (since, until), zone) == inside
        assert is_quiet(now, (since, until), zone) != is_quiet(now, (until, since), zone)
    assert not is_quiet(now, None, zone)


def test_a_digest_at_a_time_that_a_day_does_not_have_comes_as_much_later() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    at = datetime.fromtimestamp(moment(date(2026, 3, 29), time(2, 30), berlin), berlin)
    assert (at.hour, at.minute) == (3, 30)


def test_pauses_grow_up_to_an_hour() -> None:
    assert [pause_s(n) for n in range(1, 6)] == [60.0, 240.0, 960.0, 3600.0, 3600.0]
    assert pause_s(10**6) == RETRY_MAX_S
