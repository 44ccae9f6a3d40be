"""The page of figures over time without a browser: gates as limits, its twins, and a regression's word."""

from __future__ import annotations

import contextlib
import csv
import io
import time
from typing import TYPE_CHECKING

import pytest

from farm.gate.language import parse
from farm.pages.trend_charts import limit
from farm.sections.gate import Gate
from farm.store import regressions, series
from farm.store.state import State
from farm.trend.shift import Shift
from tests.api.conftest import http, make_token
from tests.daemon.lab import Bench, daemon, settings
from tests.trend.nights import DAY, play

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from farm.daemon import Daemon


@pytest.mark.parametrize(
    ("text", "metric", "old", "asked"),
    [
        ("latency.median <= 14 ms", "latency.median", None, (14.0, False)),
        ("latency.median < 1.1 * baseline", "latency.median", 10.0, (11.0, False)),
        ("latency.median < 1.1 * baseline", "latency.median", None, None),
        ("accuracy(new) - accuracy(old) > -0.01 @ 0.99", "top1", 0.8, (0.79, True)),
        ("top1 >= 70 %", "top1", None, (0.7, True)),
        ("latency.median <= 14 ms", "top1", None, None),
        ("-1 * latency.median > -14 ms", "latency.median", None, (14.0, False)),
    ],
)
def test_what_a_gate_asks_of_one_figure(
    text: str, metric: str, old: float | None, asked: tuple[float, bool] | None
) -> None:
    (condition,) = parse(text)
    found = limit(condition, metric, old)
    assert (None if found is None else (round(found[0], 9), found[1])) == asked


def judged(data: Path, medians: dict[str, list[float]], serial: str, *, run: int, begins: int) -> None:
    """Nights of devices, every one judged; one device's shift of that night, which began with that run, is a suspect."""
    data.mkdir()
    ended, own = time.time() - 3600, medians[serial]
    with contextlib.closing(State(data / "state.db")) as state:
        play(state, "nightly", medians, ended=ended)
        with state.write() as db:
            db.execute("INSERT INTO judged SELECT id, 0, 0 FROM nights WHERE id > 1")
        (mine,) = series.find(state, serial=serial, metric="latency.median")
        after = len(own) - begins
        shift = Shift(
            begins=ended - (after - 1) * DAY - 60, run=run, before=own[0], after=own[-1], nights_before=begins,
            nights_after=after, change=0.2, worse=True, p_value=0.002, spread=0.1,
        )  # fmt: skip
        assert regressions.judged(state, 1, ended, series=1, shifts=[(mine.id, shift)])


@pytest.fixture
def at(tmp_path: Path) -> Iterator[Daemon]:
    """Five nights of two devices; one regression, confirmed."""
    data, medians = tmp_path / "data", {"one": [10.0, 10.0, 12.0, 12.0, 12.0], "two": [5.0] * 5}
    judged(data, medians, "one", run=5, begins=2)
    gates = (
        Gate(name="all", conditions=("latency.median <= 14 ms",)),
        Gate(name="two", conditions=("latency.median <= 1 ms",), on="serial=two"),
        Gate(name="other", conditions=("latency.median <= 2 ms",), models=("other*",)),
    )
    made = daemon(settings(data).model_copy(update={"gate": gates}), fleet=Bench("one", "two"))
    made.start(port=0, eager=False)
    yield made
    made.stop()


def test_the_page_its_twin_and_its_csv_say_the_same(at: Daemon) -> None:
    with http(at) as client:
        both = client.get("/trend.json?model=m.tflite").json()
        assert [line["device"] for line in both["lines"]] == ["one", "two"]
        (chart,) = both["charts"]
        assert {line["name"]: line["y"] for line in chart["lines"]} == {
            "one": [10.0, 10.0, 12.0, 12.0, 12.0],
            "two": [5.0] * 5,
        }
        assert [band["name"] for band in chart["bands"]] == ["gate all"], "`two` is not for every device"
        (own,) = client.get("/trend.json?model=m.tflite&device=two").json()["charts"]
        assert [(band["name"], band["low"]) for band in own["bands"]] == [("gate all", 14.0), ("gate two", 1.0)]
        rows = list(csv.reader(io.StringIO(client.get("/trend/charts/trend-1.csv?model=m.tflite").text)))
        assert [row[2] for row in rows[1:] if row[1] == "one"] == ["12.0", "12.0", "12.0", "10.0", "10.0"]
        assert not client.get("/trend.json?model=m.tflite&schedule=-").json()["lines"], "nobody submitted it by hand"
        assert client.get("/trend.json?model=m.tflite&latency_ms=x").status_code == 400
        page = client.get("/trend?model=m.tflite", headers={"accept": "text/html"}).text
        assert "+20.0 % suspect" in page


def test_many_devices_have_a_spread_and_steps_that_were_told_and_not(tmp_path: Path) -> None:
    data, nights = tmp_path / "data", 12
    medians = {f"d{n:02d}": [10.0 + n] * nights for n in range(10)}
    medians["d03"] = [13.0] * 6 + [15.6] * 6
    medians["d04"] = [14.0] * 5 + [7.0] * 7
    judged(data, medians, "d03", run=61, begins=6)
    made = daemon(settings(data), fleet=Bench(*medians))
    made.start(port=0, eager=False)
    try:
        with http(made) as client:
            both = client.get("/trend.json?model=m.tflite").json()
            (chart,) = both["charts"]
            everyone, *own = chart["lines"]
            assert (everyone["name"], len(own)) == ("all 10: median, 10 to 90 %", 8)
            assert (everyone["low"][0], everyone["y"][0], everyone["high"][0]) == pytest.approx((10.9, 14.5, 18.1))
            assert [(s["device"], s["change"], s["regression"], s["status"]) for s in both["steps"]] == [
                ("d03", "+20.0 %", 1, "suspect"),
                ("d04", "-50.0 %", None, None),
            ]
            dotted = [mark for mark in chart["marks"] if mark["dotted"]]
            assert [mark["name"] for mark in dotted] == ["step -50.0 %, p 0.005, d04"], (
                "what is told is not drawn twice"
            )
            rows = list(csv.DictReader(io.StringIO(client.get("/trend/charts/trend-1.csv?model=m.tflite").text)))
            assert sorted((r["device"], r["level before [ms]"]) for r in rows if r["p"]) == [
                ("d03", "13.0"),
                ("d04", "14.0"),
            ]
            assert len([r for r in rows if r["device"].startswith("all 10")]) == nights
            late = client.get("/trend.json?model=m.tflite&days=6").json()
            assert [s["device"] for s in late["steps"]] == ["d03"], "the other began before"
            assert late["steps"][0]["nights_before"] == 6, "known of all its nights"
            page = client.get("/trend?model=m.tflite", headers={"accept": "text/html"}).text
            assert "2 steps, the newest first" in page
    finally:
        made.stop()


def test_a_word_is_said_by_who_may_and_stands_in_the_audit_log(at: Daemon) -> None:
    with http(at, make_token(at, "read")) as reader:
        assert reader.post("/regressions/1/word", data={"action": "acknowledge"}).status_code == 403
    with http(at) as client:
        said = client.post("/regressions/1/word", data={"action": "ignore", "days": "7", "reason": "known"})
        assert (said.status_code, said.headers["location"]) == (303, "/regressions/1")
        one = client.get("/regressions/1.json").json()
        assert (one["regression"]["status"], one["regression"]["reason"]) == ("ignored", "known")
        assert one["actions"] == ["acknowledge", "accept", "ignore"]
        assert client.post("/regressions/1/word", data={"action": "recheck"}).status_code == 400
        assert client.post("/regressions/1/word", content=b"\xff=&&;" * 9).status_code == 400
        assert client.get("/regressions/2").status_code == 404
        subjects = [line["subject"] for line in client.get("/api/audit").json()]
    assert "regression 1: ignore: known" in subjects
