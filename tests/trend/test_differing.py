"""What else was not the same before and after."""

from __future__ import annotations

from farm.trend.differing import differing
from farm.trend.series import Point


def points(*circumstances: dict[str, str]) -> list[Point]:
    return [Point(at=t, run=t, value=1.0, circumstances=c) for t, c in enumerate(circumstances)]


def told(before: list[Point], after: list[Point]) -> list[tuple[str, str, str]]:
    return [(d.name, d.before, d.after) for d in differing(before, after)]


def test_what_explains_most_is_told_first() -> None:
    before = points(*[{"screen": "on", "runtime": "1", "model": "a", "sdk": "33", "app": "x"}] * 5)
    after = points(*[{"screen": "off", "runtime": "2", "model": "b", "sdk": "33"}] * 3)
    assert told(before, after) == [
        ("model", "a", "b"),
        ("runtime", "1", "2"),
        ("app", "x", ""),
        ("screen", "on", "off"),
    ]


def test_one_night_apart_is_no_difference() -> None:
    before = points(*[{"runtime": "1"}] * 4, {"runtime": "2"})
    assert told(before, points({"runtime": "1"}, {"runtime": "2"}, {"runtime": "1"})) == []


def test_what_changed_long_before_is_none() -> None:
    before = points(*[{"firmware": "1"}] * 30, *[{"firmware": "2"}] * 14)
    assert told(before, points(*[{"firmware": "2"}] * 5)) == []
    assert told(before[:30], points(*[{"firmware": "2"}] * 5)) == [("firmware", "1", "2")]


def test_of_what_is_new_every_night_those_beside_the_shift_are_told() -> None:
    before = points(*[{"commit": f"c{t}", "battery": "?", "screen": f"{t % 3}"} for t in range(9)])
    after = points(*[{"commit": f"d{t}", "screen": f"{t % 3}"} for t in range(3)])
    assert told(before, after) == [("commit", "c8", "d0")]


def test_a_temperature_differs_beyond_its_usual_range() -> None:
    before = points(*[{"temperature": f"{30 + t % 4}.0", "battery": f"{60 + 5 * (t % 3)}%"} for t in range(9)])
    assert told(before, points(*[{"temperature": "33.5", "battery": "75%"}] * 3)) == []
    assert told(before, points(*[{"temperature": "36.5", "battery": "20%"}] * 3)) == [
        ("temperature", "30 to 33", "36.5"),
        ("battery", "60 to 70", "20"),
    ]


def test_a_temperature_that_is_no_number_or_unknown_says_nothing() -> None:
    assert told(points(*[{"temperature": "nan"}] * 5), points(*[{"temperature": "40"}] * 3)) == []
    assert told(points(*[{"temperature": "30"}] * 5), points(*[{}] * 3)) == []
    assert told([], points({"runtime": "1"})) == []
