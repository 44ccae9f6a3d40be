"""Fleet, Tonight and the list of jobs as views: what stands where, and what comes first."""

from __future__ import annotations

import contextlib
import re
import time
from typing import TYPE_CHECKING
from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from farm.fleet.device import Device, Standing
from farm.notify.morning import Morning
from farm.pages import assets, render
from farm.pages.chart import table_of
from farm.pages.device_line import line
from farm.pages.fleet import Trace, fleet
from farm.pages.job_list import PAGE, job_list
from farm.pages.render import spark
from farm.pages.tonight import changed_runs, matrix, tonight
from farm.queue.sentinel import watched
from farm.report.document import Watch
from farm.report.job_line import JobLine
from farm.schedule.schedule import Missing, Night
from farm.store.job_lines import job_lines
from farm.store.rows import Placement
from farm.store.sentinels import Night as Golden
from farm.store.state import State
from farm.store.utilization import busy
from farm.trend.news import News
from farm.trend.nightly import NightlyRun
from tests.daemon.lab import submission
from tests.store.kit import TARGET

if TYPE_CHECKING:
    from pathlib import Path

    from farm.report.document import VerdictKind

NIGHT = Night(id=3, schedule="nightly", fire_at=0.0, fired=0.0, status="over")


def phone(serial: str, condition: str, **more: object) -> Device:
    return Device(serial, "device", standing=Standing(condition), **more)  # type: ignore[arg-type]


def test_who_needs_somebody_comes_first() -> None:
    devices = [phone("a", "ready"), phone("b", "needs-human"), phone("c", "cooling"), phone("d", "quarantined")]
    page = fleet([line(d) for d in devices], {}, (), ())
    assert not page.charts
    assert [f.device.serial for f in page.lines] == ["b", "d", "c", "a"]
    assert [f.device.serial for f in page.in_need] == ["b", "d"]
    assert [(c.condition, c.devices) for c in page.counts][:2] == [("needs-human", 1), ("quarantined", 1)]


def test_what_pages_are_made_of_is_made_before_anybody_asks() -> None:
    render._environment.cache_clear()
    assets.asset.cache_clear()
    render.warm()
    made = render._environment()
    assert {name for _, name in made.cache or {}} == set(made.list_templates())
    assert assets.asset.cache_info().currsize == len(assets.names()) > 10


def test_a_filter_leaves_the_counts_as_they_are() -> None:
    devices = [phone("a", "ready", name="Pixel shelf", pool="nightly"), phone("b", "cooling", name="Galaxy shelf")]
    page = fleet([line(d) for d in devices], {}, (), (), q="SHELF pixel")
    assert [f.device.serial for f in page.lines] == ["a"]
    assert (page.total, len(page.counts)) == (2, 2)
    assert not fleet([line(d) for d in devices], {}, (), (), condition="busy").lines


def test_a_ready_device_with_a_run_is_busy() -> None:
    assert line(phone("a", "ready"), run=7, job=2).condition == "busy"
    assert line(phone("a", "cooling"), run=7, job=2).condition == "cooling"
    assert line(Device("a", "offline")).condition == "offline"


def nights(serial: str, *times_ms: float, runtime: str = "2.3.0") -> list[Golden]:
    """One a day, the last one now."""
    now = time.time()
    return [
        Golden(serial=serial, ended=now - 86400 * back, median_ms=ms, top1=0.9, answers="same", runtime=runtime)
        for back, ms in zip(reversed(range(len(times_ms))), times_ms, strict=True)
    ]


def test_the_sentinels_line_ends_in_its_last_night_and_has_one_runtime() -> None:
    aged = [*nights("a", 9.0, runtime="2.2.0"), *nights("a", *[4.0] * 20, 6.0)]
    known = [watched(aged), watched(nights("b", 5.0))]
    page = fleet([line(phone(serial, "ready")) for serial in "abc"], {}, (), known)
    a, b, c = page.lines
    assert a.trace is not None
    assert a.trace.median_ms == (*[4.0] * 14, 6.0)
    assert (c.watch, c.trace) == (None, None)
    assert a.watch is not None
    drawn = spark(a.trace, a.watch)
    assert 'class="spark trace bad"' in drawn
    assert "15 nights, 4 to 6 ms; 6.000 ms, 1.50x of its 14 nights before" in drawn
    assert 'cx="87" cy="2.0"' in drawn, "at the right, and the highest there is"
    assert b.trace is not None
    assert b.watch is not None
    assert "usual" not in spark(b.trace, b.watch), "there is none yet"
    (chart,) = page.charts
    assert [round(y or 0) for y in chart.lines[1].y] == [100] * 14 + [150]
    table = table_of(chart)
    assert len(table.rows) == 16
    assert table.rows[-2][3:] == (6.0, 150.0)
    assert table.rows[-1][3:] == (5.0, None)


@given(
    st.lists(st.floats(0.0, 1e9), min_size=1, max_size=15),
    st.one_of(st.none(), st.floats(0.0, 1e9)),
    st.text(),
)
def test_a_line_stays_in_its_picture_and_its_words_are_words(
    times_ms: list[float], baseline_ms: float | None, text: str
) -> None:
    watch = Watch(
        serial="a", word="steady", summary=text, nights=1, ended=0, median_ms=0, baseline_ms=baseline_ms, top1=None
    )
    trace = Trace(ended=(0.0,) * len(times_ms), median_ms=tuple(times_ms))
    drawn = spark(trace, watch)
    root = ElementTree.fromstring(re.sub("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]", "", drawn))  # noqa: S314  # ours
    assert [child.tag for child in root] == ["title", *["path"] * (1 + (baseline_ms is not None)), "circle"]
    heights = [float(y) for y in re.findall(r"[0-9]+ ([0-9.e+-]+)", root.findall("path")[-1].get("d", ""))]
    assert len(heights) == len(times_ms)
    assert all(2 <= y <= 16 for y in heights)


def run(number: int, model: str, serial: str, verdict: VerdictKind = "pass") -> NightlyRun:
    return NightlyRun(number, 1, model, serial, "", "done", verdict)


def test_the_matrix_has_the_worst_of_each_cell_and_what_changed() -> None:
    runs = [
        run(1, "m", "a"),
        run(2, "m", "a", "fail"),
        run(3, "m", "b"),
        NightlyRun(4, 1, "n", "b", "", "failed", error="gone", remedy="look"),
    ]
    news = [
        News(kind="verdict", severity="bad", title="m fails on a", runs=(2,)),
        News(kind="gate", severity="bad", title="", runs=(3,)),
        News(kind="verdict", severity="note", title="1 run still fails", runs=(1,)),
        News(kind="not run", severity="note", title="1 run on b gave no result again", runs=(4,)),
    ]
    missing = Missing(serial="c", condition="offline")
    found = matrix(NIGHT.model_copy(update={"missing": (missing,)}), runs, changed_runs(news), {"a": "zoe"})
    assert [(c.serial, c.name) for c in found.columns] == [("b", "b"), ("a", "zoe")]
    words = [[cell and (cell.word, cell.runs, cell.changed) for cell in row.cells] for row in found.rows]
    assert words == [[("pass", 1, False), ("fail", 2, True)], [("not run", 1, False), None]]
    assert found.counts == {"fail": 1, "not run": 1, "pass": 2}
    assert [(n.run, n.name, n.why, n.remedy) for n in found.not_run] == [(4, "b", "gone", "look")]
    assert found.missing == (missing,)


def test_what_two_nights_say_alike_is_said_once_and_the_worst_first() -> None:
    quiet, loud = News(kind="device", severity="note", title="b"), News(kind="gate", severity="bad", title="a")

    def told(*news: News) -> Morning:
        return Morning(since=0, until=1, news=news, schedules=(), nights=1, runs=0, virtual=())

    empty = matrix(NIGHT, (), frozenset(), {})
    page = tonight([(told(quiet), empty), (told(quiet, loud), empty)], [NIGHT], ["nightly"])
    assert page.news == (loud, quiet)


def test_a_stretch_of_jobs_says_where_the_next_begins() -> None:
    jobs = [
        JobLine(job=n, status="done", kind="job", model="m", user="u", created="2026-01-01")
        for n in range(200, 100, -1)
    ]
    page = job_list(jobs[: PAGE + 1], q="", status="", kind="", before=None)
    assert len(page.jobs) == PAGE
    assert page.more == page.jobs[-1].job
    assert job_list(jobs[:PAGE], q="", status="", kind="", before=None).more is None
    assert not job_list([], q="", status="", kind="", before=None).any
    assert job_list([], q="x", status="", kind="", before=None).any


def test_jobs_are_found_by_model_user_state_and_kind(tmp_path: Path) -> None:
    with contextlib.closing(State(tmp_path / "state.db")) as state:
        for name, user, kind in (("Yamnet_1", "ana", "job"), ("mobilenet", "bo", "nightly"), ("yamnet_2", "bo", "job")):
            state.add_job(submission(name), [Placement(TARGET), Placement(None)], user=user, kind=kind)
        assert [j.job for j in job_lines(state, 10)] == [3, 2, 1]
        assert [j.job for j in job_lines(state, 10, q="YAMNET")] == [3, 1]
        assert [j.job for j in job_lines(state, 10, q="bo")] == [3, 2]
        assert [j.job for j in job_lines(state, 10, kind="nightly", status="queued")] == [2]
        assert [j.job for j in job_lines(state, 1, before=3)] == [2]
        assert job_lines(state, 10, q="%") == []
        (first,) = job_lines(state, 1, before=2)
        assert (first.model, first.user, first.runs, first.over) == ("Yamnet_1", "ana", 2, 0)
        with state.write() as db:
            db.execute("UPDATE runs SET status = 'done' WHERE job = 1")
        (first,) = job_lines(state, 1, before=2)
        assert (first.over, first.passed, first.failed) == (2, 0, 0), "done, though nothing was compared"


def test_a_day_is_busy_as_long_as_runs_held_the_device(tmp_path: Path) -> None:
    with contextlib.closing(State(tmp_path / "state.db")) as state:
        job = state.add_job(submission(), [Placement(TARGET)] * 4)
        begun = [(-50.0, 50.0, "done"), (80.0, 130.0, "failed"), (190.0, None, "running"), (None, None, "queued")]
        with state.write() as db:
            for number, (started, ended, status) in enumerate(begun, start=1):
                db.execute(
                    "UPDATE runs SET started = ?, ended = ?, status = ? WHERE id = ?", (started, ended, status, number)
                )
        assert state.status(job) == "queued"
        shares = busy(state, ["one", "two"], [0.0, 100.0], 200.0)
        assert shares == {"one": [0.7, 0.4]}  # 50 + 20 of the first hundred seconds, 30 + 10 of the second
        assert busy(state, ["two"], [0.0, 100.0], 200.0) == {}
