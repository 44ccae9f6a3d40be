"""Figures over nights in a real browser: shifts, gates, notes, hostile names, and a regression's word."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from farm.report.document import Accuracy
from farm.sections.gate import Gate
from farm.store import annotations as notes
from farm.store import regressions, series
from farm.store.rows import Placement
from farm.store.state import State
from farm.submission import Variant
from farm.trend.shift import Differing, Shift
from tests.browser.conftest import accessible, drawn, fits, picture
from tests.daemon.lab import Bench, daemon, settings, submission
from tests.trend.nights import CONDITIONS, DAY, measured, play, target

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from farm.daemon import Daemon
    from tests.browser.conftest import Open

pytestmark = pytest.mark.slow
NIGHTS = 40
HOSTILE = "<img src=x onerror=alert(1)>" + "m" * 220


def fill(state: State, ended: float) -> None:
    """Forty nights on two phones: one slows down with a new runtime and is told, the other long ago; variants with labels."""
    draw = random.Random(4)  # noqa: S311  # a simulation
    steady = [5 * draw.gauss(1, 0.015) * (1.1 if n >= 15 else 1) for n in range(NIGHTS)]
    slow = [10 * draw.gauss(1, 0.015) * (1.2 if n >= NIGHTS - 6 else 1) for n in range(NIGHTS)]
    play(state, "nightly", {"one": slow[:-6], "two": steady[:-6]}, ended=ended - 6 * DAY)
    newer = dict(CONDITIONS) | {"runtime": "r2"}
    play(state, "nightly", {"one": slow[-6:], "two": steady[-6:]}, ended=ended, conditions=newer)
    with state.write() as db:
        db.execute("INSERT INTO judged SELECT id, 0, 0 FROM nights WHERE id > 1")
    (mine,) = series.find(state, serial="one", metric="latency.median", schedule="nightly")
    shift = Shift(
        begins=ended - 5 * DAY - 60, run=70, before=10, after=12, nights_before=34, nights_after=6, change=0.2, worse=True,
        p_value=0.002, differing=(Differing(name="runtime", before="r1", after="r2"),), spread=0.15,
    )  # fmt: skip
    assert regressions.judged(state, 1, ended, series=1, shifts=[(mine.id, shift)])
    found = regressions.get(state, 1)
    assert found is not None
    assert regressions.move(state, found, found.model_copy(update={"status": "confirmed"}))
    notes.add(state, at=ended - 20 * DAY, kind="note", text="<b>new</b> thermal pads", model="", serial="", user="ana")
    variants = (Variant(name="t1", threads=1), Variant(name="t2", threads=2), Variant(name="t4", threads=4))
    asked = submission(HOSTILE).model_copy(update={"variants": variants})
    placements = [Placement(target(serial), n) for serial in ("one", "two") for n in range(len(variants))]
    job = state.add_job(asked, placements)
    for run in [r for r in state.queued() if r.job == job]:
        lease = state.claim(run.id, target(run.serial), 1.0)
        assert lease is not None
        threads = variants[state.placed(run.id).variant].threads or 1
        told = measured(run.id, run.serial, 24 / threads + draw.random(), dict(CONDITIONS) | {"threads": str(threads)})
        right = Accuracy(n=50, top1=0.9 - 0.03 * threads, top5=None, top1_interval=(0.7, 0.95))
        state.finish(lease.token, told.model_copy(update={"accuracy": right}))
    state.close_job(job, "done", "")


@pytest.fixture(scope="module")
def at(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    data = tmp_path_factory.mktemp("trend") / "data"
    data.mkdir()
    state = State(data / "state.db")
    fill(state, time.time() - 3600)
    state.close()
    gates = (
        Gate(name="release", conditions=("latency.median < 1.1 * baseline", "latency.median <= 14 ms")),
        Gate(name="other", conditions=("latency.median < 1 ms",), models=("another*",)),
    )
    made = daemon(settings(data).model_copy(update={"gate": gates}), fleet=Bench("one", "two"))
    made.start(port=0, eager=False)
    yield made
    made.stop()


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (360, True)])
def test_a_model_over_nights(at: Daemon, visit: Open, pictures: Path, width: int, *, dark: bool) -> None:
    page = visit(at, "/trend?model=m.tflite", width=width, dark=dark)
    drawn(page)
    expect(page.get_by_role("heading", name="Trend", level=1)).to_be_visible()
    assert page.locator("figure.chart").count() == 1
    expect(page.get_by_text("runtime: r1 -> r2").first).to_be_visible()
    expect(page.get_by_text("note: <b>new</b> thermal pads")).to_be_visible()
    rows = page.get_by_role("region", name="Steps").locator("tbody tr")
    expect(rows).to_have_count(2)
    expect(rows.nth(0)).to_contain_text("confirmed")
    expect(rows.nth(1)).to_contain_text("no")
    expect(page.get_by_text("Dotted: the level changed")).to_be_visible()
    picture(page, pictures, f"trend-{width}")
    accessible(page)
    fits(page)


def test_one_device_has_its_gates_and_the_way_there_is_by_keyboard(at: Daemon, visit: Open, pictures: Path) -> None:
    page = visit(at, "/fleet")
    page.keyboard.press("g")
    page.keyboard.press("r")
    page.wait_for_url("**/trend")
    page.locator("select[name=model]").select_option("m.tflite")
    page.locator("select[name=device]").select_option("one")
    page.get_by_role("button", name="Show").press("Enter")
    page.wait_for_url("**device=one**")
    drawn(page)
    expect(page.get_by_text("Shaded: where a gate fails")).to_be_visible()
    picture(page, pictures, "trend-gates")
    accessible(page)


def test_a_chart_leaves_as_table_csv_and_png(at: Daemon, visit: Open, tmp_path: Path) -> None:
    page = visit(at, "/trend?model=m.tflite")
    drawn(page)
    figure = page.locator("figure.chart")
    figure.get_by_text("Table", exact=True).press("Enter")
    expect(figure.locator("tbody tr")).to_have_count(2 * NIGHTS)
    expect(figure.get_by_role("columnheader", name="level before [ms]")).to_be_visible()
    for kind, begins in (("CSV", b"ended,device"), ("PNG", b"\x89PNG")):
        with page.expect_download() as told:
            figure.get_by_text(kind, exact=True).press("Enter")
        told.value.save_as(tmp_path / kind)
        assert (tmp_path / kind).read_bytes().startswith(begins)


def test_hostile_names_and_the_frontier(at: Daemon, visit: Open, pictures: Path) -> None:
    page = visit(at, "/trend?latency_ms=10", width=360)
    page.locator("select[name=model]").select_option(HOSTILE)
    page.get_by_role("button", name="Show").click()
    page.wait_for_url("**model=**")
    drawn(page)
    expect(page.get_by_role("heading", name="Which variant to take")).to_be_visible()
    picture(page, pictures, "trend-frontier-360")
    accessible(page)
    fits(page)


def test_a_regression_takes_a_word(at: Daemon, visit: Open, pictures: Path) -> None:
    page = visit(at, "/regressions/1")
    drawn(page)
    expect(page.get_by_role("heading", name="Differs too: look here first")).to_be_visible()
    picture(page, pictures, "regression")
    accessible(page)
    page.get_by_label("Why").fill("<i>known</i>, wait for 2.4")
    page.get_by_role("button", name="Ignore").click()
    expect(page.locator("#regression").get_by_text("<i>known</i>, wait for 2.4")).to_be_visible()
    expect(page.locator("#regression .chip").first).to_have_text("ignored")
    expect(page.get_by_role("button", name="Run it again")).to_have_count(0)


def test_an_empty_lab_says_what_to_do(lab: Daemon, visit: Open) -> None:
    page = visit(lab, "/trend")
    expect(page.get_by_text("No figure yet")).to_be_visible()
    accessible(page)
