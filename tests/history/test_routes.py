"""The history over REST and from the command line, on a real daemon."""

from __future__ import annotations

import contextlib
import json
import time
from typing import TYPE_CHECKING

import httpx2
import psutil
import pytest
from pyarrow import parquet
from typer.testing import CliRunner

from farm.cli import app
from farm.client import connect
from farm.client.history import HistoryClient
from farm.history.answer import QueryError
from farm.sections.history import History
from farm.settings import Api, Settings
from tests.api.conftest import http, make_token
from tests.daemon.lab import daemon, submission, until
from tests.history.test_query import ENDLESS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from farm.daemon import Daemon


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """A daemon with two runs that are over, whose questions may take 2 s, one at a time."""
    folder = tmp_path_factory.mktemp("lab")
    made = daemon(
        Settings(data=folder / "data", api=Api(artifact_limit_mb=1), history=History(query_s=300, queries=1, query_rows=50))
    )  # fmt: skip
    made.start(port=0)
    with connect(made.settings) as client:
        client.wait(client.submit(submission("ok")).job)
    yield made
    made.stop()


def workers() -> list[str]:
    found = []
    for child in psutil.Process().children():
        with contextlib.suppress(psutil.NoSuchProcess):  # a zombie, too, is one
            found.append(" ".join(child.cmdline()))
    return [line for line in found if "farm.history.worker" in line]


def test_a_question_over_rest_and_who_may_ask(lab: Daemon) -> None:
    with connect(lab.settings) as client:
        answer = HistoryClient(client).query("select device, status from runs order by 1")
        assert json.loads(answer.body)["rows"] == [["one", "done"], ["two", "done"]]
        assert (answer.rows, answer.truncated) == (2, False)
        long = HistoryClient(client).query("select * from range(1000)", "csv")
        assert (long.rows, long.truncated, long.body.count(b"\n")) == (50, True, 51)
        with pytest.raises(QueryError, match="nope") as e:
            HistoryClient(client).query("select nope from runs")
        assert e.value.where == "SQL, line 1, column 8"
        told = HistoryClient(client).status()
        assert (told.days, told.live, told.due) == (0, 2, ())
        assert {table.name for table in HistoryClient(client).tables()} >= {"runs", "figures", "layers"}
    asking = {"sql": "select 1"}
    with http(lab, make_token(lab, "read")) as reader:
        assert reader.post("/api/query", json=asking).status_code == 200
        assert reader.post("/api/history").status_code == 403
        assert reader.post("/api/history/compact").status_code == 403
        assert reader.post("/api/query", json={"sql": "drop view runs"}).json()["code"] == "query"
        assert reader.post("/api/query", json={"sql": "x" * 100_001}).status_code == 422
    with http(lab, "no token") as stranger:
        assert stranger.post("/api/query", json=asking).status_code == 401


def test_who_goes_away_ends_the_question_and_others_wait_for_it(lab: Daemon) -> None:
    with http(lab) as client, pytest.raises(httpx2.ReadTimeout):
        client.post("/api/query", json={"sql": ENDLESS}, timeout=1.5)
    with http(lab) as other:
        answer = other.post("/api/query", json={"sql": "select 1"})
        if answer.status_code != 200:  # the first is not noticed to be gone yet
            assert answer.status_code == 503
            assert answer.json()["code"] == "crowded"
        until(lambda: not workers())
        assert other.get("/api/health").status_code == 200
        until(lambda: other.post("/api/query", json={"sql": "select 1"}).status_code == 200)


@pytest.mark.slow
def test_the_command_line(lab: Daemon, tmp_path: Path) -> None:
    config = tmp_path / "farm.toml"
    config.write_text(f"data = '{lab.data}'\n")

    def farm(*words: str, status: int = 0, stdin: str | None = None) -> str:
        done = CliRunner().invoke(app, ["--config", str(config), *words], input=stdin)
        assert done.exit_code == status, done.output
        return done.output

    assert "one" in farm("query", "select device from runs order by 1")
    assert farm("query", "-", "--csv", stdin="select count(*) n from runs") == "n\n2\n"
    assert json.loads(farm("query", "select '[red]x[/]' x", "--json"))["rows"] == [["[red]x[/]"]]
    assert "[red]x[/]" in farm("query", "select '[red]x[/]' as \"[b]\"")
    farm("query", "select run from runs", "--parquet", str(tmp_path / "x.parquet"))
    assert parquet.read_table(tmp_path / "x.parquet").num_rows == 2
    assert "column 8" in farm("query", "select nope from runs", status=2)
    assert "running_nrmse" in farm("query", "--tables")
    farm("query", status=2)
    assert "2 runs" in farm("history", "status")
    with lab.state.write() as db:
        db.execute("UPDATE runs SET over_at = over_at - 86400 * 3")
    assert len(json.loads(farm("history", "write", "--json"))["days"]) == 1
    assert "0 days written" in farm("history", "write")
    size = json.loads(farm("history", "compact", "--json"))
    assert size["after"] <= size["before"]
    for form in ("parquet", "csv", "json"):
        made = json.loads(farm("history", "export", "-o", str(tmp_path / form), "--format", form, "--json"))
        assert made["rows"] >= 4
        assert (tmp_path / form).is_dir()
    day = time.strftime("%Y-%m-%d", time.gmtime(time.time() - 86400 * 2))
    made = json.loads(farm("history", "export", "-o", str(tmp_path / "later"), "--since", day, "--json"))
    assert not list((tmp_path / "later").glob("runs/*"))
    assert "no day" in farm("history", "export", "-o", str(tmp_path / "y"), "--since", "monday", status=2)
    swapped = ("--since", "2026-11-30", "--until", "2026-11-01")
    assert "no day is left" in farm("history", "export", "-o", str(tmp_path / "y"), *swapped, status=2)
    assert "not empty" in farm("history", "export", "-o", str(tmp_path / "csv"), status=2)
    lines = next((tmp_path / "json").glob("runs/*/*.json")).read_text().splitlines()
    assert sorted(json.loads(line)["device"] for line in lines) == ["one", "two"]
    assert json.loads(farm("jobs", "--json", "--before", "1")) == []
