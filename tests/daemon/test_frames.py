"""A regression's runs beside the baseline's, frame by frame: nights of a real daemon, REST, the page and the command."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from farm.cli import app
from farm.client.trend import TrendClient
from farm.store import regressions, series
from tests.api.conftest import http
from tests.daemon.frames_lab import FRAMES, shifted_lab

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.gate.lab import GateLab


@pytest.fixture(scope="module")
def at(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GateLab]:
    with shifted_lab(tmp_path_factory.mktemp("lab") / "data") as found:
        yield found


def test_the_newest_run_and_the_second_look_stand_beside_a_typical_run_of_before(at: GateLab) -> None:
    found = TrendClient(at.client).frames(1)
    state = at.daemon.state
    points = series.points(state, regressions.find(state)[0].series)
    assert found.baseline is not None
    assert (found.baseline.what, found.baseline.run) == ("baseline", points[2].run), "of equals the newest"
    newest, second = found.beside
    assert (newest.taken.what, newest.taken.run) == ("newest run", points[4].run)
    assert second.taken.what == "second look"
    assert second.taken.job == regressions.find(state)[0].job
    assert found.missing == ()
    for one in found.beside:
        times, answers = one.paired
        assert (times.test, times.n) == ("Wilcoxon", FRAMES)
        assert times.change == pytest.approx(0.5)
        assert times.p_value < 1e-9
        assert (answers.test, answers.n) == ("McNemar", FRAMES)
        assert answers.change == pytest.approx(-10 / FRAMES)
        assert answers.p_value == pytest.approx(2 / 2**10)
        assert one.missing == ()


def test_a_figure_of_answers_asks_for_layers_too(at: GateLab) -> None:
    with at.daemon.state.write() as db:
        db.execute(
            "INSERT INTO regressions (id, series, begins, status, found, changed, document)"
            " SELECT 8, (SELECT id FROM series WHERE metric = 'top1' AND schedule <> ''), begins, status, found, changed,"
            " document FROM regressions WHERE id = 1"
        )
    (one,) = TrendClient(at.client).frames(8).beside
    assert [test.test for test in one.paired] == ["Wilcoxon", "McNemar"]
    assert one.missing == (f"layers: run {one.taken.run} keeps no capture of pass layers",)


def test_the_page_has_it_once_it_is_made_and_its_twin_waits_for_it(at: GateLab) -> None:
    with http(at.daemon) as client:
        with at.daemon.state.write() as db:  # another of the same series, which nobody has asked for
            db.execute(
                "INSERT INTO regressions (id, series, begins, status, found, changed, document)"
                " SELECT 7, series, begins + 1, status, found, changed, document FROM regressions WHERE id = 1"
            )
        page = client.get("/regressions/7", headers={"accept": "text/html"}).text
        assert 'id="frames" hx-get="/regressions/7"' in page
        assert "McNemar" not in page
        twin = client.get("/regressions/1.json").json()["frames"]
        assert twin == TrendClient(at.client).frames(1).model_dump(mode="json")
        page = client.get("/regressions/1", headers={"accept": "text/html"}).text
        assert "+50.0 %" in page
        assert "McNemar" in page
        block = client.get("/regressions/1", headers={"hx-request": "true", "hx-target": "div#frames"}).text
        assert "Wilcoxon" in block
        assert "<html" not in block
        assert client.get("/api/regressions/2/frames").status_code == 404


def test_the_command_prints_a_table_and_json(at: GateLab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "farm.toml"
    file.write_text(f"data = {json.dumps(str(at.data))}\n")
    monkeypatch.setenv("COLUMNS", "200")
    shown = CliRunner().invoke(app, ["--config", str(file), "regressions", "show", "1"])
    assert shown.exit_code == 0, shown.output
    for words in ("newest run", "second look", "+50.0 %", "Wilcoxon", "McNemar"):
        assert words in shown.output
    told = json.loads(CliRunner().invoke(app, ["--config", str(file), "regressions", "show", "1", "--json"]).stdout)
    assert told["id"] == 1
    assert told["frames"] == TrendClient(at.client).frames(1).model_dump(mode="json")


def test_captures_that_are_gone_are_passed_over_and_where_none_is_left_that_is_said(at: GateLab) -> None:
    daemon, client = at.daemon, TrendClient(at.client)
    points = series.points(daemon.state, regressions.find(daemon.state)[0].series)

    def remove(*runs: int) -> None:
        for run in runs:
            (link,) = daemon.jobs.job(daemon.state.job_of_run(run) or 0).runs[0].captures
            daemon.artifacts.path(link.sha256).unlink()

    second = client.frames(1).beside[1].taken
    # Equal runs leave equal captures: one file stands for all of a manner.
    remove(points[4].run)
    found = client.frames(1)
    assert found.baseline is not None
    assert (found.beside, found.missing) == (
        (),
        (
            f"newest run: run {points[4].run}: its captures were removed by retention",
            f"second look: run {second.run}: its captures were removed by retention",
        ),
    )
    remove(points[0].run)
    assert client.frames(1).baseline is None
    assert f"baseline: run {points[2].run}: its captures were removed by retention" in client.frames(1).missing
