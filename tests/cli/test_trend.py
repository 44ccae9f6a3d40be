"""`farm trend`, `farm frontier`, `farm annotate`, `farm regressions`, against a daemon at work."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

import pytest

from farm.report.document import Accuracy
from farm.settings import Api, Settings
from farm.store import regressions, series
from farm.store.rows import Placement
from farm.store.state import State
from farm.trend.shift import Differing, Shift
from tests.cli.conftest import Lab
from tests.daemon.lab import daemon, submission
from tests.trend.nights import DAY, measured, play, target

if TYPE_CHECKING:
    from collections.abc import Iterator

ENDED = 1.8e9
HOSTILE = "[red]m[/red].tflite"


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Two devices with a week of nights, a suspect on one of them, and a labelled run of a model with a hostile name."""
    folder = tmp_path_factory.mktemp("lab")
    (folder / "farm.toml").write_text('data = "data"\n')
    data = folder / "data"
    data.mkdir()
    state = State(data / "state.db")
    play(state, "nightly", {"one": [10, 10, 10, 10, 12, 12, 12], "two": [5.0] * 7}, ended=ENDED)
    play(state, "early", {"one": [4.0] * 9 + [5.0] * 6}, ended=ENDED, asked=submission("long.tflite"))
    job = state.add_job(submission(HOSTILE), [Placement(target("one"))])
    (run,) = [r for r in state.queued() if r.job == job]
    lease = state.claim(run.id, target("one"), 1.0)
    assert lease is not None
    right = Accuracy(n=50, top1=0.9, top5=None, top1_interval=(0.8, 0.95))
    state.finish(lease.token, measured(run.id, "one", 3.0).model_copy(update={"accuracy": right}))
    state.close_job(job, "done", "")
    (mine,) = series.find(state, serial="one", metric="latency.median", schedule="nightly")
    shift = Shift(
        begins=ENDED - 2 * DAY - 60, run=5, before=10, after=12, nights_before=4, nights_after=3, change=0.2, worse=True,
        p_value=0.002, differing=(Differing(name="runtime", before="r1", after="[bold]r2"),), spread=0.1,
    )  # fmt: skip
    with state.write() as db:
        db.execute("INSERT INTO judged SELECT id, 0, 0 FROM nights WHERE id > 1")
    assert regressions.judged(state, 1, ENDED, series=6, shifts=[(mine.id, shift)])
    state.close()
    made = daemon(Settings(data=data, api=Api(artifact_limit_mb=1)))
    made.start(port=0, eager=False)  # nothing is run again by itself
    yield Lab(folder)
    made.stop()


def test_a_figure_over_nights(lab: Lab) -> None:
    people = lab.farm("trend", "m.tflite", "--on", "one")
    assert people.status == 0, people.err
    assert "▁▁▁▁███" in people.out
    assert "+20.0 % since" in people.out
    (line,) = lab.farm("trend", "m.tflite", "--on", "one", "--json").document
    assert [p["value"] for p in line["series"]["points"]] == [10, 10, 10, 10, 12, 12, 12]
    rows = list(csv.DictReader(io.StringIO(lab.farm("trend", "m.tflite", "--schedule", "nightly", "--csv").out)))
    assert [float(r["value"]) for r in rows if r["device"] == "one"] == [10, 10, 10, 10, 12, 12, 12]
    assert {r["circumstances"].partition(";")[0] for r in rows} == {rows[0]["circumstances"].partition(";")[0]}
    assert {r["level before"] for r in rows} == {""}, "a week is too short for a step"
    assert len(lab.farm("trend", "m.tflite", "-n", "3", "--json").document[1]["series"]["points"]) == 3


def test_steps_of_the_past_are_told_apart_from_regressions(lab: Lab) -> None:
    people = lab.farm("trend", "long.tflite").out
    assert "one: step +25.0 %, 4 ms -> 5 ms, p = 0.005, run " in people
    assert people.count("told to nobody") == 1
    (line,) = lab.farm("trend", "long.tflite", "--json").document
    (step,) = line["steps"]
    assert (step["before"], step["after"], step["nights_before"], step["nights_after"]) == (4, 5, 9, 6)
    rows = list(csv.DictReader(io.StringIO(lab.farm("trend", "long.tflite", "--csv").out)))
    assert [(r["value"], r["level before"], r["p"]) for r in rows if r["p"]] == [("5.0", "4.0", "0.005")]


def test_what_is_not_there_is_told_in_what_is(lab: Lab) -> None:
    wrong = lab.farm("trend", "m.tflite", "--metric", "top1")
    assert wrong.status == 2
    assert "latency.median, latency.p90, memory.peak" in wrong.err
    unknown = lab.farm("trend", "nothing.tflite")
    assert unknown.status == 2
    assert "there are [red]m[/red].tflite, long.tflite, m.tflite" in unknown.err


def test_the_frontier_has_a_best_and_names_are_no_markup(lab: Lab) -> None:
    found = lab.farm("frontier", "--latency-ms", "20")
    assert found.status == 0, found.err
    assert "[red]m[/red].tflite" in found.out
    (choice,) = lab.farm("frontier", HOSTILE, "--json").document["choices"]
    assert (choice["accuracy"], choice["latency_ms"], choice["best"]) == (0.9, 3.0, True)
    assert "no run has both" in lab.farm("frontier", "m.tflite").out


def test_people_write_beside_series_and_take_it_back(lab: Lab) -> None:
    made = lab.farm("annotate", "[b]pads[/b]", "--model", "m.tflite", "--at", "2027-01-12", "--json")
    assert made.status == 0, made.err
    number = str(made.document["id"])
    assert "note: [b]pads[/b]" in lab.farm("trend", "m.tflite").out
    assert lab.farm("annotate", "--remove", number).status == 0
    assert lab.farm("annotate", "--remove", number).status == 2
    assert lab.farm("annotate", " ").status == 2
    assert "one of runtime, firmware, commit, note" in lab.farm("annotate", "x", "--kind", "y").err


def test_a_regression_is_listed_shown_and_gets_peoples_word(lab: Lab) -> None:
    listed = lab.farm("regressions", "list")
    assert "suspect" in listed.out
    assert "+20.0 %" in listed.out
    shown = lab.farm("regressions", "show", "1").out.splitlines()
    assert shown[1] == "first: runtime was r1, is [bold]r2", "what differs is told before the figure"
    assert shown[2].startswith("10 ms -> 12 ms (+20.0 %) since ")
    assert lab.farm("regressions", "ack", "1", "--reason", "[i]mine[/i]", "--json").document["status"] == "acknowledged"
    assert "[i]mine[/i]" in lab.farm("regressions", "show", "1").out
    assert lab.farm("regressions", "ignore", "1", "--until", "yesterday", "--reason", "x").status == 2
    assert "is ignored" in lab.farm("regressions", "ignore", "1", "--until", "+7d", "--reason", "x").out
    assert lab.farm("regressions", "recheck", "1").status == 2, "what is ignored is not run again"
    assert lab.farm("regressions", "accept", "1", "--reason", "right").status == 0
    assert not lab.farm("regressions", "list", "--json").document
    assert [r["status"] for r in lab.farm("regressions", "list", "--all", "--json").document] == ["accepted"]
    assert lab.farm("regressions", "show", "99").status == 2
