"""What is fired now: once for what was missed, nothing within a blackout, nothing on top of a night that still runs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import takewhile
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from farm.schedule.blackout import covering
from farm.schedule.cron import parse
from farm.schedule.decide import decide, first
from farm.schedule.schedule import Blackout, Schedule

BERLIN = ZoneInfo("Europe/Berlin")
HOUR = 3600.0
OFFICE = Blackout(since="08:00", until="18:00", days=("mon-fri",))
CLOCKS = st.times().map(lambda time: time.strftime("%H:%M"))
WINDOWS = st.builds(
    Blackout, since=CLOCKS, until=CLOCKS, days=st.lists(st.sampled_from(["mon", "tue-thu", "fri-mon", "0"]), max_size=2)
)


def at(day: int, clock: str) -> float:
    """A moment of May 2026 in Berlin, Unix seconds; the 4th is a Monday."""
    return datetime.strptime(f"2026-05-{day:02} {clock}", "%Y-%m-%d %H:%M").replace(tzinfo=BERLIN).timestamp()


def nightly(cron: str = "30 2 * * *", **more: object) -> Schedule:
    return Schedule.model_validate({"name": "n", "cron": cron, "zone": "Europe/Berlin", **more})


def test_a_moment_is_fired_when_it_is_due_and_the_next_one_is_told() -> None:
    assert decide(nightly(), at(5, "02:30"), at(5, "02:29")) is None
    made = decide(nightly(), at(5, "02:30"), at(5, "02:30"))
    assert made is not None
    assert (made.fire_at, made.missed, made.skipped, made.next_at) == (at(5, "02:30"), 0, "", at(6, "02:30"))


def test_a_downtime_is_made_up_for_once() -> None:
    made = decide(nightly(), at(5, "02:30"), at(9, "12:00"))
    assert made is not None
    assert (made.fire_at, made.missed, made.skipped, made.next_at) == (at(9, "02:30"), 4, "", at(10, "02:30"))


def test_without_catch_up_what_is_past_is_skipped_and_what_is_on_time_is_not() -> None:
    late = decide(nightly(catch_up=False), at(5, "02:30"), at(5, "04:00"))
    assert late is not None
    assert "catch_up is off" in late.skipped
    just = decide(nightly(catch_up=False), at(5, "02:30"), at(6, "02:31"))
    assert just is not None
    assert (just.skipped, just.fire_at, just.missed) == ("", at(6, "02:30"), 1)


@pytest.mark.parametrize(
    ("next_at", "now", "fire_at", "missed", "skipped"),
    [
        (at(4, "09:00"), at(4, "09:00"), at(4, "09:00"), 0, "08:00-18:00 mon-fri"),
        (at(4, "07:00"), at(4, "12:00"), at(4, "07:00"), 0, "08:00-18:00 mon-fri"),  # due before, up within
        (at(4, "10:00"), at(4, "17:59"), at(4, "17:00"), 7, "08:00-18:00 mon-fri"),
        (at(4, "10:00"), at(4, "18:30"), at(4, "18:00"), 0, ""),  # what fell into it is not owed
        (at(9, "09:00"), at(9, "09:00"), at(9, "09:00"), 0, ""),  # a Saturday
    ],
)
def test_nothing_is_fired_in_a_blackout_and_nothing_is_put_off(
    next_at: float, now: float, fire_at: float, missed: int, skipped: str
) -> None:
    made = decide(nightly("@hourly", blackout=[OFFICE]), next_at, now)
    assert made is not None
    assert (made.fire_at, made.missed) == (fire_at, missed)
    assert skipped in made.skipped
    assert bool(skipped) == bool(made.skipped)
    assert now < made.next_at <= now + HOUR


def test_a_night_does_not_begin_on_top_of_the_one_before() -> None:
    made = decide(nightly(), at(5, "02:30"), at(5, "02:30"), open_night=7)
    assert made is not None
    assert made.skipped == "night 7 is not over"
    assert made.next_at == at(6, "02:30")


@settings(max_examples=50)
@given(
    st.lists(st.integers(1, 60 * 30), min_size=1, max_size=8),
    st.sampled_from(["30 2 * * *", "*/20 * * * *", "@hourly", "0 1,13 * * mon"]),
    st.lists(WINDOWS, max_size=2),
    st.sampled_from([datetime(2026, 3, 27, tzinfo=UTC), datetime(2026, 10, 23, tzinfo=UTC)]),
)
def test_every_moment_is_in_one_night_whenever_the_lab_is_up(
    gaps: list[int], cron: str, windows: list[Blackout], begin: datetime
) -> None:
    """The lab looks at arbitrary times; between any two of them it was down."""
    schedule = nightly(cron, blackout=windows)
    now = begin.timestamp()
    next_at = first(schedule, now)
    end = begin + timedelta(minutes=sum(gaps) + 1)
    until_end = takewhile(lambda moment: moment < end, parse(cron).moments(BERLIN, begin))
    moments = [moment.timestamp() for moment in until_end]
    free = [m for m in moments if covering(windows, datetime.fromtimestamp(m, BERLIN)) is None]
    last = now
    for gap in gaps:
        now += gap * 60
        made = decide(schedule, next_at, now)
        due = [m for m in moments if last < m <= now]
        assert (made is not None) == bool(due)
        if made is not None:
            owed = [m for m in free if last < m <= now]
            inside = covering(windows, datetime.fromtimestamp(now, BERLIN)) is not None
            assert bool(made.skipped) == (inside or not owed)
            assert made.fire_at == (owed or due)[-1]
            assert made.missed + 1 == len(owed or due)
            assert made.next_at == first(schedule, now)
            next_at = made.next_at
        last = now


@given(st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31)), WINDOWS)
def test_a_window_is_what_is_seen_minute_by_minute(wall: datetime, window: Blackout) -> None:
    days = {"mon": {0}, "tue-thu": {1, 2, 3}, "fri-mon": {4, 5, 6, 0}, "0": {6}}
    meant = set().union(*(days[word] for word in window.days)) if window.days else set(range(7))
    minute = wall.replace(second=0, microsecond=0)
    inside = False
    for back in (0, 1):
        midnight = (minute - timedelta(days=back)).replace(hour=0, minute=0)
        begin, end = (
            midnight + timedelta(hours=int(text[:2]), minutes=int(text[3:])) for text in (window.since, window.until)
        )
        end += timedelta(days=1) * (end <= begin)
        inside |= midnight.weekday() in meant and begin <= minute < end
    assert (covering([window], wall) is window) == inside


@pytest.mark.parametrize(
    "wrong",
    [
        {"blackout": [{"since": "8:00", "until": "18:00"}]},
        {"blackout": [{"since": "08:00", "until": "24:00"}]},
        {"blackout": [{"since": "08:00", "until": "18:00", "days": ["someday"]}]},
        {"cron": "61 * * * *"},
        {"name": "a/b"},
        {"wait_m": -1},
    ],
)
def test_a_schedule_that_cannot_be_followed_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        nightly(**wrong)  # type: ignore[arg-type]
