"""Schedules in a real daemon: what is due becomes one night and one job, whatever happens in between."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

import pytest

from farm.errors import JobError, NoDeviceError
from farm.fleet.device import Device, Standing
from farm.queue import nightly
from farm.schedule.decide import decide
from farm.sections.schedule import Nightlies
from farm.store import nights, schedules, series
from farm.store.integrity import check
from farm.store.nights import KIND
from farm.store.state import State
from farm.submission import Terms
from farm.trend.annotation import changes
from tests.daemon.lab import MODEL, Bench, daemon, submission, until
from tests.history import kit
from tests.schedule.lab import due, schedule, settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from farm.daemon import Daemon
    from farm.schedule.schedule import Night

    Make = Callable[..., Daemon]

DAY_S = 86400.0


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """A daemon that is up, with these settings; its clock looks only when told or rung unless `look_s` is given."""
    with contextlib.ExitStack() as ends:

        def start(look_s: float = 600.0, *, eager: bool = True, bench: Bench | None = None) -> Daemon:
            of = settings(tmp_path / "data").model_copy(update={"nightlies": Nightlies(settle_s=0, look_s=look_s)})
            made = daemon(of)
            if bench is not None:
                made._given_fleet = bench
            made.start(port=0, eager=eager)
            ends.callback(made.stop)
            return made

        yield start


@pytest.fixture
def before(tmp_path: Path) -> State:
    """The state file that an earlier daemon leaves."""
    (tmp_path / "data").mkdir()
    return State(tmp_path / "data" / "state.db")


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    of = settings(tmp_path_factory.mktemp("lab") / "data")
    made = daemon(of.model_copy(update={"nightlies": Nightlies(settle_s=0, look_s=600)}))
    made.start(port=0)
    until(lambda: made.schedules.clock._looked)
    yield made
    made.stop()


@pytest.fixture
def at(shared: Daemon) -> Iterator[Daemon]:
    """One daemon for many tests, without schedules before and after; its clock looks when told or rung."""
    yield shared
    for view in shared.schedules.all():
        shared.schedules.remove(view.schedule.name)


def newest(at: Daemon, name: str = "nightly") -> Night | None:
    found = nights.nights(at.state, schedule=name, limit=1)
    return found[0] if found else None


def night_with(at: Daemon, status: str, name: str = "nightly") -> Night:
    """The newest night, once it has this status."""
    until(lambda: (night := newest(at, name)) is not None and night.status == status)
    found = newest(at, name)
    assert found is not None
    return found


def test_what_fell_into_a_downtime_is_one_night_and_one_job(make: Make, before: State) -> None:
    asked = schedule(cron="30 2 * * *", priority=-3, within_h=2.0)
    row = due(before, asked, ago_s=5 * DAY_S)
    before.close()
    at = make()
    night = night_with(at, "over")
    assert night.missed in {4, 5}
    (job,) = night.jobs
    document = at.jobs.job(job)
    assert (document.status, document.user, document.priority, len(document.runs)) == ("done", KIND, -3, 2)
    (stored,) = at.state.read("SELECT kind, night, deadline FROM jobs WHERE id = ?", job)
    assert (stored["kind"], stored["night"], stored["deadline"]) == (KIND, night.id, night.fired + 7200)
    assert nights.nights(at.state) == [night]
    (now,) = schedules.rows(at.state)
    assert (now.id, now.next_at > time.time()) == (row.id, True)
    assert check(at.data).problems == ()


def test_the_alarm_rings_when_a_schedule_is_due(at: Daemon) -> None:
    due(at.state, schedule("rung"), ago_s=-0.3)
    at.schedules.clock.changed()
    night = night_with(at, "over", "rung")
    assert night.fired >= night.fire_at


def test_a_daemon_that_only_answers_fires_nothing(make: Make) -> None:
    at = make(eager=False)
    row = due(at.state, schedule())
    at.schedules.clock.changed()
    assert at.schedules.one("nightly").next_at == row.next_at
    assert nights.nights(at.state) == []


def test_a_daemon_that_died_between_claim_and_submit_loses_nothing(make: Make, before: State) -> None:
    row = due(before, schedule())
    decision = decide(row.schedule, row.next_at, time.time())
    assert decision is not None
    number = nights.claim(before, row.id, row.next_at, decision, time.time())
    assert nights.claim(before, row.id, row.next_at, decision, time.time()) is None, "a moment is claimed once"
    before.close()
    at = make()
    night = night_with(at, "over")
    assert (night.id, len(night.jobs)) == (number, 1)


def test_a_night_waits_for_a_device_and_tells_which_are_missing(make: Make) -> None:
    bench = Bench("one")
    away = Standing("quarantined", "its results differ", time.time(), "look at it")
    bench.attached = [Device("one", "device", standing=away, name="shelf"), Device("two", "offline")]
    at = make(look_s=0.05, bench=bench)
    due(at.state, schedule(), submission(selector="serial=one"))
    at.schedules.clock.changed()
    until(lambda: (night := newest(at)) is not None and "no device is ready" in night.note)
    waiting = night_with(at, "open")
    assert "tried until" in waiting.note
    assert [(m.serial, m.name, m.condition, m.remedy) for m in waiting.missing] == [
        ("one", "shelf", "quarantined", "look at it")
    ]
    bench.attached = [Device("one", "device"), Device("two", "offline")]
    night = night_with(at, "over")
    assert (night.note, night.missing, len(night.jobs)) == ("", (), 1)


@pytest.mark.parametrize("selector", ["", "serial=three"])
def test_a_night_that_waited_in_vain_has_failed_with_the_words(make: Make, selector: str) -> None:
    at = make(bench=Bench(*(["one"] if selector else [])))
    due(at.state, schedule(wait_m=0), submission(selector=selector))
    at.schedules.clock.look(time.time())
    night = night_with(at, "failed")
    assert ("excludes every device" if selector else "no device is attached") in night.note
    assert night.jobs == ()
    assert night.ended is not None


@pytest.mark.parametrize(("model", "words"), [("refused", "another model"), ("broken preflight", "an error of ours")])
def test_what_cannot_be_submitted_fails_that_night_and_not_the_daemon(at: Daemon, model: str, words: str) -> None:
    name = model.replace(" ", "-")
    due(at.state, schedule(name), submission(model))
    due(at.state, schedule(f"beside-{name}"))
    at.schedules.clock.look(time.time())
    assert words in night_with(at, "failed", name).note
    night_with(at, "over", f"beside-{name}")


def test_nothing_is_fired_in_a_blackout_on_top_of_an_open_night_or_while_paused(at: Daemon, tmp_path: Path) -> None:
    all_day = [{"since": "00:00", "until": "00:00"}]
    due(at.state, schedule("dark", blackout=all_day))
    due(at.state, schedule("slow", cron="* * * * *"), submission(f"until {tmp_path / 'go'}"))
    due(at.state, schedule("off"))
    at.schedules.pause("off", "holidays")
    at.schedules.clock.look(time.time())
    assert night_with(at, "skipped", "dark").note == "within the blackout 00:00-00:00"
    first = night_with(at, "open", "slow")
    at.schedules.clock.look(time.time() + 120)
    second = night_with(at, "skipped", "slow")
    assert second.note == f"night {first.id} is not over"
    assert newest(at, "off") is None
    assert at.schedules.one("off").next_at is None
    view = at.schedules.resume("off")
    assert view.next_at is not None
    assert view.next_at > time.time(), "what fell into the pause was not wanted"
    (tmp_path / "go").touch()
    until(lambda: (night := nights.night(at.state, first.id)) is not None and night.status == "over")


def test_a_night_can_be_asked_for_and_is_one_however_often_it_is_sent(at: Daemon) -> None:
    at.schedules.add(schedule("asked"), submission())
    at.schedules.pause("asked", "holidays")
    night = at.schedules.run_now("asked", "0123456789abcdef")
    assert at.schedules.run_now("asked", "0123456789abcdef").id == night.id
    assert len(night.jobs) == 1
    assert night_with(at, "over", "asked").id == night.id
    at.schedules.add(schedule("nobody"), submission(selector="serial=three"))
    with pytest.raises(JobError, match="excludes every device"):
        at.schedules.run_now("nobody", None)
    assert "excludes" in night_with(at, "failed", "nobody").note


def test_the_next_night_ends_the_wait_of_the_one_before(make: Make) -> None:
    bench = Bench()
    at = make(bench=bench)
    row = due(at.state, schedule(wait_m=1440))
    at.schedules.clock.look(time.time())
    first = night_with(at, "open")
    schedules.change(at.state, row.id, row.schedule, "command", time.time())
    at.schedules.clock.look(time.time())
    second = newest(at)
    ended = nights.night(at.state, first.id)
    assert second is not None
    assert ended is not None
    assert (second.status, ended.status) == ("open", "failed")
    assert ended.note.startswith("the next night is due: no device is attached")
    at.schedules.pause("nightly", "enough")
    assert night_with(at, "failed").note.startswith("paused: ")
    with pytest.raises(NoDeviceError):
        at.schedules.run_now("nightly", None)


def test_where_the_commit_changed_from_night_to_night_a_series_is_marked(before: State) -> None:
    row = due(before, schedule())
    for commit in ("a1", "a1", "b2-dirty"):
        number, _ = nights.begin(before, row.id)
        night = nights.night(before, number)
        assert night is not None
        built = submission().model_copy(update={"terms": Terms(commit=commit)})
        job = nightly.queue(before, Bench("one").attached, lambda _asked: None, night, row.schedule, built, "a note")
        (run,) = before.queued()
        lease = before.claim(run.id, kit.target("one"), 1.0)
        assert lease is not None
        before.finish(lease.token, kit.run(run.id, "one"))
        before.close_job(job, "done", "")
    (line,) = series.with_points(before, series.find(before, schedule="nightly", metric="latency.median"))
    marks = [(mark.name, mark.before, mark.after) for mark in changes(line.points)]
    assert marks == [("commit", "a1", "b2-dirty")]
    assert {night.note for night in nights.nights(before)} == {"a note"}
    before.close()


def test_files_that_a_schedule_will_submit_are_kept(at: Daemon) -> None:
    from farm.store.inventory import items, references

    lone = at.artifacts.put(b"nobody's")
    at.schedules.add(schedule(), submission())
    with at.state.reading() as db:
        kept = {item.sha256: item for item in items(at.artifacts, references(db))}
    asked = submission()
    assert {kept[asked.model_sha256].kind, kept[asked.frames[0].sha256[0]].kind} == {"input"}
    assert kept[asked.model_sha256].needed
    assert not kept[lone].needed
    at.artifacts.remove(asked.model_sha256, unused_since=time.time() + 60)
    (problem,) = check(at.data).problems
    assert (problem.what, asked.model_sha256[2:] in problem.where) == ("a schedule needs it, and it is gone", True)
    at.artifacts.put(MODEL)
    at.schedules.remove("nightly")
    with at.state.reading() as db:
        kept = {item.sha256: item for item in items(at.artifacts, references(db))}
    assert not kept[asked.model_sha256].needed


def test_a_blackout_ends_the_wait_for_a_device(make: Make) -> None:
    at = make(bench=Bench())
    row = due(at.state, schedule())
    at.schedules.clock.look(time.time())
    night_with(at, "open")
    schedules.change(
        at.state, row.id, schedule(blackout=[{"since": "00:00", "until": "00:00"}]), "command", time.time() + DAY_S
    )
    at.schedules.clock.look(time.time())
    assert night_with(at, "failed").note.startswith("the blackout 00:00-00:00 began: no device is attached")
