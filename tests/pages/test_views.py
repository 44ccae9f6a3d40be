"""Fleet, Tonight and the list of jobs as views: what stands where, and what comes first."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from farm.fleet.device import Device, Standing
from farm.notify.morning import Morning
from farm.pages.device_line import line
from farm.pages.fleet import fleet
from farm.pages.job_list import PAGE, job_list
from farm.pages.tonight import changed_runs, matrix, tonight
from farm.report.job_line import JobLine
from farm.schedule.schedule import Missing, Night
from farm.store.job_lines import job_lines
from farm.store.rows import Placement
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
    assert [f.device.serial for f in page.lines] == ["b", "d", "c", "a"]
    assert [f.device.serial for f in page.in_need] == ["b", "d"]
    assert [(c.condition, c.devices) for c in page.counts][:2] == [("needs-human", 1), ("quarantined", 1)]


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
    ]
    missing = Missing(serial="c", condition="offline")
    found = matrix(NIGHT.model_copy(update={"missing": (missing,)}), runs, changed_runs(news), {"a": "zoe"})
    assert [(c.serial, c.name) for c in found.columns] == [("b", "b"), ("a", "zoe")]
    words = [[cell and (cell.word, cell.runs, cell.changed) for cell in row.cells] for row in found.rows]
    assert words == [[("pass", 1, False), ("fail", 2, True)], [("not run", 1, False), None]]
    assert found.counts == {"fail": 1, "not run": 1, "pass": 2}
    assert [(n.run, n.why, n.remedy) for n in found.not_run] == [(4, "gone", "look")]
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
