"""Points of series: written with the run they are of, once; read without a walk over all of them."""

from __future__ import annotations

import contextlib
import json
import time
from typing import TYPE_CHECKING

import pytest

from farm.store import series
from farm.store.devices import Devices
from farm.store.lines import lines, newest_frontier
from farm.store.rows import Placement
from farm.store.state import State
from farm.submission import Terms, Variant
from tests.daemon.lab import submission
from tests.trend.nights import DAY, add_night, measured, play, target

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from farm.submission import Submission


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    made = State(tmp_path / "state.db")
    yield made
    made.close()


def run_all(state: State, job: int, median_ms: float = 10.0, conditions: dict[str, str] | None = None) -> None:
    for run in [r for r in state.queued() if r.job == job]:
        lease = state.claim(run.id, target(run.serial), 1.0)
        assert lease is not None
        state.finish(lease.token, measured(run.id, run.serial, median_ms, conditions or {"model": "m1"}))


def submit(state: State, asked: Submission, *fingerprints: str, kind: str = "job", night: int | None = None) -> int:
    placements = [Placement(target("one"), n, 0, f) for n, f in enumerate(fingerprints or ("",))]
    return state.add_job(asked, placements, kind=kind, night=night)


def test_a_run_makes_its_points_with_its_result(state: State) -> None:
    Devices(state).seen("one", "", {"ro.build.fingerprint": "maker/phone:14/x"})
    asked = submission("m.tflite").model_copy(update={"terms": Terms(commit="abc123")})
    job = submit(state, asked)
    run_all(state, job)
    found = {s.key.metric: s for s in series.find(state)}
    assert found.keys() == {"latency.median", "latency.p90", "memory.peak"}
    key = found["latency.median"].key
    assert (key.schedule, key.model, key.serial, key.configuration) == ("", "m.tflite", "one", "")
    (point,) = series.points(state, found["latency.median"].id)
    assert (point.value, point.low, point.high, point.n, point.night) == (10.0, 9.9, 10.1, 40, None)
    told = point.circumstances
    assert (told["firmware"], told["commit"], told["model"]) == ("maker/phone:14/x", "abc123", "m1")
    assert len(told["inputs"]) == 12
    assert state.read("SELECT ended FROM runs")[0][0] == point.at


def test_the_frames_and_the_model_of_a_variant_are_told_by_their_content(state: State) -> None:
    plain = submission("m.tflite")
    other = plain.model_copy(update={"frames": (plain.frames[0].model_copy(update={"label": 3}),)})
    variants = (Variant(name="a"), Variant(name="b", model_name="b.tflite", model_sha256="0" * 64))
    for asked in (plain, other, plain.model_copy(update={"variants": variants})):
        run_all(state, submit(state, asked, *[""] * max(1, len(asked.variants))))
    (mine,) = series.find(state, models=["m.tflite"], metric="memory.peak")
    inputs = [p.circumstances["inputs"] for p in series.points(state, mine.id)]
    assert inputs[0] == inputs[2] != inputs[1]
    assert len(series.find(state, models=["b.tflite"])) == 3


def test_who_shares_a_run_has_its_points_once_for_each_schedule(state: State) -> None:
    night = add_night(state, "nightly", time.time())
    asked = submission("m.tflite")
    for kind, of in (("job", None), ("job", None), ("nightly", night)):
        submit(state, asked, "same", kind=kind, night=of)
    run_all(state, 1)
    found = {s.key.schedule: s.id for s in series.find(state, metric="memory.peak")}
    assert found.keys() == {"", "nightly"}
    (own,), (shared,) = series.points(state, found[""]), series.points(state, found["nightly"])
    assert (own.run, own.night, shared.run, shared.night) == (1, None, 3, night)
    assert [s.key.schedule for s in series.find(state, nightly=True, metric="memory.peak")] == ["nightly"]


@pytest.mark.parametrize("kind", ["sentinel", "recheck"])
def test_what_is_no_measurement_of_a_model_over_time_makes_none(state: State, kind: str) -> None:
    run_all(state, submit(state, submission(), kind=kind))
    assert not series.find(state)


def test_runs_of_an_older_version_are_made_up_for_in_steps_also_by_another_daemon(tmp_path: Path) -> None:
    file = tmp_path / "state.db"
    with contextlib.closing(State(file)) as state:
        for _ in range(6):
            run_all(state, submit(state, submission("m.tflite")))
        assert not series.backfill(state, 2), "nothing is older than this version"
        before = state.read("SELECT * FROM points WHERE run < 6 ORDER BY run, series")
        with state.write() as db:  # as if they had ended before there were points
            db.execute("DELETE FROM points")
            db.execute("UPDATE backfills SET before = 7")
            db.execute("UPDATE runs SET document = '{}' WHERE id = 6")  # nobody can read it
        assert series.backfill(state, 2)
        assert {r["run"] for r in state.read("SELECT run FROM points")} == {5}, "the newest first"
    with contextlib.closing(State(file)) as state:
        while series.backfill(state, 2):
            pass
        after = state.read("SELECT * FROM points ORDER BY run, series")
        assert [tuple(r)[:-1] for r in after] == [tuple(r)[:-1] for r in before]
        assert series.is_filled(state)
        documents = [json.loads(r[0]) for r in state.read("SELECT document FROM circumstances ORDER BY id")]
        assert "farm" in documents[0]
        assert "farm" not in documents[1], "which farm measured them was not written down"


def test_points_of_a_window_and_the_newest_of_many(state: State) -> None:
    now = 1.8e9
    play(state, "nightly", {"one": [10.0, 11.0, 12.0], "two": [20.0, 21.0, 22.0]}, ended=now)
    one, two = (s for s in series.find(state, metric="latency.median"))
    assert [p.value for p in series.points(state, one.id, since=now - 1.5 * DAY)] == [11, 12]
    assert [p.value for p in series.points(state, one.id, until=now - 0.5 * DAY)] == [10, 11]
    assert [p.value for p in series.points(state, one.id, limit=2)] == [11, 12]
    assert {s: p.value for s, p in series.latest(state, [one.id, two.id, 99]).items()} == {one.id: 12, two.id: 22}
    assert series.get(state, 99) is None
    (line,) = lines(state, [one], limit=2)
    assert [p.value for p in line.series.points] == [11, 12]
    assert not newest_frontier(state, ["m.tflite"]).choices, "nobody gave labels"


def test_no_query_walks_over_all_points(state: State) -> None:
    play(state, "nightly", {"one": [10.0]}, ended=1.8e9)
    asked: list[str] = []
    with state.reading() as db:  # the one connection there is, which the next reader gets
        db.set_trace_callback(asked.append)
    mine = series.find(state, metric="latency.median")
    series.points(state, mine[0].id)
    series.latest(state, [mine[0].id])
    series.with_points(state, mine)
    with state.reading() as db:
        db.set_trace_callback(None)
    looked = [sql for sql in asked if "points" in sql]
    assert len(looked) == 3
    for sql in looked:
        plan = " ".join(r["detail"] for r in state.read(f"EXPLAIN QUERY PLAN {sql}"))
        assert "SCAN p" not in plan, plan
        assert "SEARCH p USING PRIMARY KEY (series=?" in plan
        assert "TEMP B-TREE" not in plan or "json_each" in sql
