"""What changed between two nights: pure functions, then the same out of a state file."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from farm.notify.morning import morning, tonight
from farm.schedule.schedule import Missing
from farm.store.devices import Devices
from farm.store.state import State
from farm.trend.changes import changes
from farm.trend.news import KINDS, SEVERITIES
from farm.trend.nightly import NightlyRun
from tests.notify.kit import add_check, add_night, add_schedule, failure, verdict

if TYPE_CHECKING:
    from pathlib import Path

    from farm.report.document import VerdictKind

DAY = 86400.0


def run(
    serial: str, kind: VerdictKind | None = "pass", cause: str = "none", error: str = "", *, model: str = "m"
) -> NightlyRun:
    return NightlyRun(
        run=1, job=1, model=model, serial=serial, configuration="", status="failed" if error else "done",
        verdict=kind if not error else None, cause=cause, error=error,
    )  # fmt: skip


def told(tonight: list[NightlyRun], before: list[NightlyRun]) -> list[tuple[str, str]]:
    return [(news.severity, news.title) for news in changes(tonight, before)]


def test_each_change_is_told_in_a_line_the_worst_first() -> None:
    before = [
        run("same"), run("breaks"), run("breaks too"), run("mends", "fail", "channel"), run("doubts"), run("dies"),
        run("dead", error="the cable"), run("other cause", "fail", "channel"), run("no cause", "fail", "resize"),
        run("ill", "fail", "resize"), run("back", error="the cable"), run("gone"), run("one", model="old"),
    ]  # fmt: skip
    after = [
        run("same"), run("breaks", "fail", "channel"), run("breaks too", "fail", "channel"), run("mends"),
        run("doubts", "undecided", ""), run("dies", error="the cable"), run("dead", error="the cable"),
        run("other cause", "fail", "resize"), run("no cause", "fail", "unexplained"), run("ill", "fail", "resize"),
        run("back"), run("new"),
    ]  # fmt: skip
    assert told(after, before) == [
        ("bad", "m fails on breaks, breaks too: channel"),
        ("bad", "m still fails on no cause, now for an unknown cause"),
        ("warning", "m is undecided on doubts"),
        ("warning", "m still fails on other cause, now for resize"),
        ("warning", "1 run on dies gave no result: the cable"),
        ("warning", "m did not run on gone"),
        ("good", "m passes again on mends"),
        ("good", "back gives results again"),
        ("note", "1 run still fails: m"),
        ("note", "1 run on dead gave no result again: the cable"),
        ("note", "old is not run any more"),
    ]


def test_without_a_night_before_what_fails_is_told() -> None:
    assert told([run("one"), run("two", "fail", "")], []) == [("bad", "m fails on two, cause unknown")]


def test_of_repeated_runs_the_worst_result_counts_and_each_without_a_result_is_told() -> None:
    before = [run("one"), run("one")]
    assert told([run("one"), run("one", "fail", "resize"), run("one", error="hot")], before) == [
        ("bad", "m fails on one: resize"),
        ("warning", "1 run on one gave no result: hot"),
    ]
    assert told([run("one"), run("one")], before) == []


def test_a_device_that_was_not_ready_says_why() -> None:
    away = Missing(serial="two", condition="quarantined", reason="3 errors", remedy="farm device heal two")
    assert [(n.severity, n.title, n.detail) for n in changes([run("one")], [run("one"), run("two")], [away])] == [
        ("warning", "nothing ran on two: it was quarantined", "3 errors. farm device heal two")
    ]
    assert [n.severity for n in changes([run("one")], [run("one")], [away])] == ["note"]


nightly_runs = st.lists(
    st.builds(
        run,
        st.sampled_from(["one", "two", "three", ""]),
        st.sampled_from(["pass", "fail", "undecided", None]),
        st.sampled_from(["none", "channel", "unexplained", ""]),
        st.sampled_from(["", "", "the cable"]),
        model=st.text(max_size=600),
    ),
    max_size=12,
)


@given(before=nightly_runs, after=nightly_runs)
def test_nothing_changes_between_a_night_and_itself_and_every_new_failure_is_told(
    before: list[NightlyRun], after: list[NightlyRun]
) -> None:
    assert {news.severity for news in changes(after, after)} <= {"note"}
    found = changes(after, before)
    assert list(found) == sorted(found, key=lambda n: (SEVERITIES.index(n.severity), KINDS.index(n.kind)))
    failed = {r.cell for r in after if r.verdict == "fail"}
    failed_before = {r.cell for r in before if r.verdict == "fail"}
    new = {(model, serial) for model, serial, _ in failed - failed_before}
    said = {(m, d) for n in found if n.kind == "verdict" and n.severity == "bad" for m in n.models for d in n.devices}
    assert {(m, s) for m, s in new if s} <= said
    assert all(len(news.title) < 1000 and news.title.isprintable() for news in found)


def test_a_morning_is_read_from_the_state_file(tmp_path: Path) -> None:
    with contextlib.closing(State(tmp_path / "state.db")) as state:
        weekly, nightly = add_schedule(state, "weekly"), add_schedule(state)
        add_night(state, weekly, 1 * DAY, {"w": {"one": verdict()}})
        add_night(state, nightly, 1 * DAY, {"m": {"one": verdict(), "two": verdict()}})
        add_night(state, nightly, 2 * DAY, {"m": {"one": failure("the cable"), "two": verdict()}})
        last = add_night(state, nightly, 3 * DAY, {"m": {"one": verdict("fail", "resize"), "two": verdict()}})
        for at, outcome in ((2.1, "pass"), (2.2, "fail"), (2.3, "fail")):
            add_check(state, "release", at * DAY, outcome)  # type: ignore[arg-type]
        devices = Devices(state)
        devices.seen("two", "", {"ro.farm.virtual": "1"})
        devices.quarantine("two", "3 errors in a row")

        # After two nights without a digest: against what was told last, not against the night in between.
        found = morning(state, 1.5 * DAY, 3.5 * DAY)
        assert [news.title for news in found.news] == [
            "gate release failed on 4a5b6c",
            "m fails on one: resize",
            "1 device still out of order: two",
        ]
        assert found.news[0].detail == "0.61 is below 0.70. 2 of 3 checks failed"
        assert found.news[1].detail == "it passed the night before"
        assert (found.nights, found.runs, found.schedules, found.virtual) == (1, 2, ("nightly", "weekly"), ("two",))
        page = tonight(state, last, 3.5 * DAY)
        assert page is not None
        assert [news.detail for news in page.news if news.kind == "verdict"] == ["it did not run the night before"]
        assert tonight(state, 999, 3.5 * DAY) is None
        assert [n.title for n in morning(state, 3.5 * DAY, 4 * DAY).news if n.kind == "night"] == ["no nightly ran"]
