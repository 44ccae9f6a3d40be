"""A slower device, from the night in which it is suspected to the word that people are told: a real daemon and state file."""

from __future__ import annotations

import contextlib
import random
import time
from typing import TYPE_CHECKING

import pytest

from farm.api.messages import NotFoundError
from farm.client import connect
from farm.client.trend import TrendClient
from farm.daemon import Daemon
from farm.errors import JobError
from farm.queue.regressions import Regressions
from farm.report.document import Watch
from farm.sections.trend import Trend
from farm.store import regressions, series
from farm.store.state import State
from tests.daemon.lab import FRAME, MODEL, Bench, preflight, settings, until, write_report
from tests.trend.nights import CONDITIONS, DAY, measured, play

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from farm.report.document import Run
    from farm.run.work import Progress, Work
    from farm.trend.regression import Regression

    Medians = dict[str, list[float]]

BEFORE, SLOWER = 18, 8


def noisy(level_ms: float, seed: int, nights: int) -> list[float]:
    draw = random.Random(seed)  # noqa: S311  # a simulation
    return [level_ms * draw.gauss(1, 0.015) for _ in range(nights)]


def idle(state: State, watches: list[Watch] | None = None) -> Regressions:
    """As the daemon's, without devices to run anything on."""
    return Regressions(
        Trend(), state, devices=list, queued=lambda _: None, watches=lambda: watches or [], report_bug=lambda *_: ""
    )


@pytest.fixture(scope="module")
def medians(tmp_path_factory: pytest.TempPathFactory) -> Medians:
    """By device: `one` gets slower by a fifth, up to the night in which that is suspected; `two` does not."""
    slow = noisy(10, 1, BEFORE) + noisy(12, 2, SLOWER)
    whole = {"one": slow, "two": noisy(10, 3, len(slow))}
    ended = time.time()
    with contextlib.closing(State(tmp_path_factory.mktemp("scratch") / "state.db")) as state:
        play(state, "nightly", whole, ended=ended)
        idle(state).look(ended)
        first = min(one.found for one in regressions.find(state))
    nights = len(slow) - round((ended - first) / DAY)
    assert nights > BEFORE
    return {serial: values[:nights] for serial, values in whole.items()}


def past(data: Path, medians: Medians) -> int:
    """Nights that nobody has judged; how many."""
    data.mkdir(parents=True, exist_ok=True)
    with contextlib.closing(State(data / "state.db")) as state:
        play(state, "nightly", medians, ended=time.time() - 3600)
    return len(medians["one"])


@contextlib.contextmanager
def lab(
    data: Path, level_ms: float, *serials: str, conditions: Mapping[str, str] = CONDITIONS
) -> Iterator[tuple[Daemon, TrendClient]]:
    """A daemon whose devices need so many milliseconds now, under these conditions."""

    def perform(work: Work, progress: Progress, check: Callable[[], None]) -> Run:
        return measured(work.run_id, work.device.serial, level_ms * (1 + 0.01 * (work.run_id % 3 - 1)), conditions)

    made = Daemon(
        settings(data), perform=perform, preflight=preflight, write_report=write_report,
        fleet=Bench(*(serials or ("one", "two"))),
    )  # fmt: skip
    made.artifacts.put(MODEL)
    made.artifacts.put(FRAME)
    made.start(0)
    try:
        with connect(made.settings) as client:
            yield made, TrendClient(client)
    finally:
        made.stop()


def settled(daemon: Daemon, client: TrendClient) -> list[Regression]:
    """Once every night was judged and every second run is over."""
    found: list[Regression] = []

    def is_settled() -> bool:
        daemon.regressions.look(time.time())  # as its thread does by itself, less often
        found[:] = client.regressions()
        return bool(found) and all(one.status not in {"suspect", "checking"} for one in found)

    until(is_settled)
    return found


def test_a_slower_device_is_suspected_run_again_and_confirmed(tmp_path: Path, medians: Medians) -> None:
    nights = past(tmp_path, medians)
    with lab(tmp_path, 12.0) as (daemon, client):
        found = {one.key.metric: one for one in settled(daemon, client)}
        assert found.keys() == {"latency.median", "latency.p90"}
        one = found["latency.median"]
        assert (one.status, one.key.serial, one.key.schedule) == ("confirmed", "one", "nightly")
        assert 0.17 < one.shift.change < 0.23
        assert one.job is not None
        assert one.job == found["latency.p90"].job, "one job for all series of a run"
        again = daemon.jobs.job(one.job)
        assert (again.user, again.priority) == ("recheck", 1)
        assert [(r.target.serial, r.status) for r in again.runs if r.target] == [("one", "done")] * 3
        (line,) = client.lines(models=["m.tflite"], serial="one")
        assert len(line.series.points) == nights, "what was run again is no point of its series"
        assert line.regressions == (one,)
        (quiet,) = client.lines(models=["m.tflite"], serial="two")
        assert not quiet.regressions

        with pytest.raises(JobError, match="nobody says why"):
            client.accept(one.id, " ")
        assert client.acknowledge(one.id, "ana looks at it").status == "acknowledged"
        with pytest.raises(JobError, match="no moment to come"):
            client.ignore(one.id, "on holiday", time.time() - 1)
        assert client.ignore(one.id, "on holiday", time.time() + DAY).status == "ignored"
        assert client.accept(one.id, "a new, slower model").status == "accepted"
        with pytest.raises(JobError, match="it is accepted"):
            client.acknowledge(one.id)
        (line,) = client.lines(models=["m.tflite"], serial="one")
        assert line.baseline == one.shift.begins
        told = [(a.action, a.status, a.subject) for a in client._client.audit(20)]
        assert ("accept regression", 200, f"regression {one.id}: a new, slower model") in told
        assert ("accept regression", 400, f"regression {one.id}:  ") in told


def test_what_a_second_run_does_not_show_is_refuted_and_every_night_is_judged_once(
    tmp_path: Path, medians: Medians
) -> None:
    nights = past(tmp_path, medians)
    with lab(tmp_path, 10.0) as (daemon, client):
        assert {one.status for one in settled(daemon, client)} == {"refuted"}
    with contextlib.closing(State(tmp_path / "state.db")) as state:
        before = state.read("SELECT * FROM judged ORDER BY night")
        assert len(before) == nights
    with lab(tmp_path, 10.0) as (daemon, client):
        daemon.regressions.look(time.time())
        assert len(client.regressions()) == 2
    with contextlib.closing(State(tmp_path / "state.db")) as state:
        assert state.read("SELECT * FROM judged ORDER BY night") == before


def test_a_suspect_whose_device_is_away_waits_for_it_and_later_nights_decide(tmp_path: Path, medians: Medians) -> None:
    past(tmp_path, medians)
    with lab(tmp_path, 10.0, "two") as (daemon, client):
        until(client.regressions)
        daemon.regressions.look(time.time())
        assert {(one.status, one.job) for one in client.regressions()} == {("suspect", None)}
        state = daemon.state
        assert isinstance(state, State)
        night = time.time() + DAY
        play(state, "nightly", {"one": noisy(12, 4, 2)}, ended=night + DAY)
        daemon.regressions.look(night + DAY)
        assert {one.status for one in client.regressions()} == {"confirmed"}
        play(state, "nightly", {"one": noisy(10, 5, 3)}, ended=night + 4 * DAY)
        daemon.regressions.look(night + 4 * DAY)
        found = client.regressions(statuses=["recovered"])
        assert len(found) == 2
        assert {one.until for one in found} == {series.points(state, found[0].series)[-3].at}


def celsius(degrees: float) -> dict[str, str]:
    return {**CONDITIONS, "battery_temperature": f"{degrees:.1f} C"}


@pytest.mark.slow
def test_a_second_run_on_a_hot_day_confirms_nothing(tmp_path: Path) -> None:
    draw = random.Random(6)  # noqa: S311  # a simulation
    warmth = [30 + draw.gauss(0, 3) for _ in range(48)]
    medians = [
        10 * (1 + 0.006 * (c - 30)) * draw.gauss(1, 0.004) * (1.06 if n >= 40 else 1) for n, c in enumerate(warmth)
    ]
    begin = time.time() - len(medians) * DAY - 3600
    with contextlib.closing(State(tmp_path / "state.db")) as state:
        for nth, (median, degrees) in enumerate(zip(medians, warmth, strict=True)):
            play(state, "nightly", {"one": [median]}, ended=begin + nth * DAY, conditions=celsius(degrees))
            if nth >= 40:
                idle(state).look(begin + nth * DAY)
                if regressions.find(state):
                    break
        (one, *_) = regressions.find(state)
        assert one.status == "suspect"
    with lab(tmp_path, 10.6, "one", conditions=celsius(40)) as (daemon, client):
        assert {one.status for one in settled(daemon, client)} == {"refuted"}, "as slow as ten kelvin explain"


def test_a_sentinel_that_moved_too_is_told_first(tmp_path: Path, medians: Medians) -> None:
    past(tmp_path, medians)
    with contextlib.closing(State(tmp_path / "state.db")) as state:
        watch = Watch(serial="one", word="slower", summary="1.21x", nights=20, ended=time.time(), median_ms=1.0)
        idle(state, [watch]).look(time.time())
        assert {one.shift.differing[0].after for one in regressions.find(state)} == {"slower: 1.21x"}


def test_annotations_are_of_a_model_a_device_or_all(tmp_path: Path) -> None:
    past(tmp_path, {"one": [10.0], "two": [10.0]})
    with lab(tmp_path, 10.0) as (_, client):
        pads = client.annotate("new pads", model="m.tflite", serial="one", at=time.time() - 60)
        client.annotate("moved to Berlin", kind="firmware", at=time.time() - 30)
        client.annotate("another model", model="other")
        (line,) = client.lines(models=["m.tflite"], serial="one")
        assert [a.text for a in line.annotations] == ["new pads", "moved to Berlin"]
        assert [a.text for a in client.annotations(model="other", serial="two")] == ["moved to Berlin", "another model"]
        client.remove_annotation(pads.id)
        with pytest.raises(NotFoundError):
            client.remove_annotation(pads.id)
        (line,) = client.lines(models=["m.tflite"], serial="one")
        assert [a.text for a in line.annotations] == ["moved to Berlin"]
