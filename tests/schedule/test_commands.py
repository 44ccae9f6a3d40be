"""`farm schedule` and its addresses: as people type them, as programs ask, with the scopes they need."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from farm.cli import app
from farm.client import connect
from farm.client.schedules import ScheduleClient
from farm.submission import Terms
from tests.api.conftest import http, make_token
from tests.conftest import DEMO
from tests.daemon.lab import daemon, submission, until
from tests.schedule.lab import schedule, settings
from tests.work.test_commit import checkout

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from farm.daemon import Daemon

ADD = ("--cron", "30 2 * * mon-fri", "--zone", "Europe/Berlin", "m.tflite", "--inputs", "inputs", "--threads", "1,2")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where commands are typed: a model, inputs, farm.toml."""
    made = tmp_path_factory.mktemp("lab")
    (made / "inputs").mkdir()
    shutil.copy(DEMO / "inputs" / "frame_000.png", made / "inputs")
    shutil.copy(DEMO / "model_int8.tflite", made / "m.tflite")
    shutil.copy(DEMO / "model.recipe.toml", made / "m.recipe.toml")
    (made / "farm.toml").write_text('data = "data"\n')
    return made


@pytest.fixture(scope="module")
def lab(folder: Path) -> Iterator[Daemon]:
    made = daemon(settings(folder / "data"))
    made.start(port=0)
    yield made
    made.stop()


@pytest.fixture
def at(lab: Daemon, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Daemon]:
    """The daemon, without schedules before and after."""
    monkeypatch.chdir(folder)
    yield lab
    for view in lab.schedules.all():
        lab.schedules.remove(view.schedule.name)


def farm(*words: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, words)
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, done.stdout, done.stderr


def document(*words: str) -> Any:
    status, out, err = farm(*words, "--json")
    assert status == 0, out + err
    return json.loads(out)


def test_a_schedule_from_its_first_to_its_last_day(at: Daemon) -> None:
    status, out, err = farm(
        "schedule", "add", "nightly", *ADD, "--on", "serial=one", "--blackout", "08:00-18:00 mon-fri"
    )
    assert (status, err) == (0, "")
    assert out.startswith("nightly: m.tflite, next ")
    (listed,) = document("schedule", "list")
    assert listed["schedule"]["blackout"] == [{"since": "08:00", "until": "18:00", "days": ["mon-fri"]}]
    assert (listed["model"], listed["selector"], listed["source"], listed["last"]) == (
        "m.tflite",
        "serial=one",
        "command",
        None,
    )
    assert farm("schedule", "list")[1].splitlines()[1].startswith("nightly")
    night = document("schedule", "run-now", "nightly")
    until(lambda: document("schedule", "nights", "nightly")[0]["status"] == "over")
    assert [v.name for v in at.jobs.submission(night["jobs"][0]).variants] == ["threads=1", "threads=2"]
    status, out, _ = farm("schedule", "run-now", "nightly", "--wait")
    assert status == 0
    assert "threads=2" in out
    assert (
        document("schedule", "pause", "nightly", "--reason", "the rack [bold]moves")["pause"] == "the rack [bold]moves"
    )
    shown = farm("schedule", "show", "nightly")[1]
    assert "paused: the rack [bold]moves" in shown
    assert "08:00-18:00 mon-fri" in shown
    assert "60 minutes for a device" in shown
    assert "[bold]moves" in farm("schedule", "list")[1]
    assert document("schedule", "resume", "nightly")["next_at"] is not None
    assert len(document("schedule", "show", "nightly")["nights"]) == 2
    assert document("schedule", "remove", "nightly") == {"removed": "nightly"}
    assert document("schedule", "list") == []
    assert len(document("schedule", "nights")) == 2, "its nights stay"
    assert "no schedules" in farm("schedule", "list")[1]


def test_the_commit_is_that_of_the_files_as_they_are_sent(
    at: Daemon, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built = checkout(tmp_path / "lab")
    added = document("schedule", "add", "built", *ADD, "--repository", str(tmp_path / "lab"))
    assert added["commit"] == built
    monkeypatch.setenv("FARM_COMMIT", "v7")
    assert document("schedule", "add", "tagged", *ADD)["commit"] == "v7"
    night = document("schedule", "run-now", "tagged")
    assert at.jobs.submission(night["jobs"][0]).terms.commit == "v7"
    assert "commit      v7" in farm("schedule", "show", "tagged")[1]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("a/b", *ADD), "NAME"),
        (("n", "--cron", "30 25 * * *", *ADD[2:]), "column 4: hour: '25'"),
        (("n", *ADD, "--zone", "Mars/Base"), "there is no time zone 'Mars/Base'"),
        (("n", *ADD, "--blackout", "8-18"), "--blackout"),
        (("n", *ADD, "--deadline", "+2h"), "a schedule says itself when it runs"),
        (("n", *ADD, "--on", "abi"), "'abi' is not KEY OP VALUE"),
        (("n", *ADD, "--threads", "many"), "'many' is no number of threads"),
        (("n", *ADD, "--thread", "1"), "--thread"),
        (("n", "--cron", "@daily", "none.tflite", "--inputs", "inputs"), "none.tflite: no such file"),
        (("n", "--cron", "@daily", "m.tflite"), "--inputs"),
        (("n", *ADD, "--repository", "inputs/none"), "the commit is not known"),
        (("n", *ADD, "--commit", "a b"), "terms.commit"),
    ],
)
def test_a_mistake_is_told_where_it_was_made(at: Daemon, words: tuple[str, ...], told: str) -> None:
    status, out, err = farm("schedule", "add", *words)
    assert status == 2
    assert told in " ".join((out + err).split())
    assert at.schedules.all() == []


def test_what_does_not_fit_is_refused_by_the_lab(at: Daemon) -> None:
    with connect(at.settings) as client, http(at) as raw:
        lab = ScheduleClient(client)
        lab.add(schedule(), submission())
        assert lab.add(schedule(), submission()).schedule == schedule(), "sent twice, it is one"

        def post(path: str, body: dict[str, Any]) -> tuple[int, str]:
            answer = raw.post(path, json=body)
            return answer.status_code, answer.json()["message"]

        def asked(changes: dict[str, Any], terms: Terms | None = None) -> dict[str, Any]:
            made = submission().model_copy(update={"terms": terms or Terms()})
            return {
                "schedule": schedule().model_dump(mode="json") | changes, "submission": made.model_dump(mode="json")
            }  # fmt: skip

        assert post("/api/schedules", asked({"cron": "@daily"})) == (409, "there is another one of this name")
        assert post("/api/schedules", asked({"cron": "@never"}))[0] == 400
        assert post("/api/schedules", asked({"name": "../x"}))[0] == 422
        assert (
            post("/api/schedules", asked({"name": "z", "zone": "Mars/Base"}))[1] == "there is no time zone 'Mars/Base'"
        )
        assert post("/api/schedules", asked({"name": "z"}, Terms(deadline=1.0)))[0] == 400
        unknown = asked({"name": "z"})
        unknown["submission"]["model_sha256"] = "0" * 64
        assert "was not uploaded" in post("/api/schedules", unknown)[1]
        assert post("/api/schedules/nightly/pause", {"reason": ""})[0] == 422
        for method, path in (("GET", "/api/schedules/x"), ("DELETE", "/api/schedules/x"), ("GET", "/api/nights/9")):
            assert raw.request(method, path).status_code == 404
        assert raw.get("/api/schedules/x/nights").status_code == 404
        assert [view.schedule.name for view in lab.all()] == ["nightly"]
        assert lab.submission("nightly").model_name == "ok"


def test_looking_takes_read_and_changing_takes_operate_and_is_written_down(at: Daemon) -> None:
    at.schedules.add(schedule(), submission())
    with http(at, make_token(at, "submit", user="ana")) as ana, http(at, make_token(at, "operate", user="bob")) as bob:
        assert ana.get("/api/schedules").status_code == ana.get("/api/nights").status_code == 200
        for path, body in (("pause", {"reason": "r"}), ("resume", None), ("run", None)):
            assert ana.post(f"/api/schedules/nightly/{path}", json=body).status_code == 403
            assert bob.post(f"/api/schedules/nightly/{path}", json=body).status_code in {200, 201}
        assert ana.delete("/api/schedules/nightly").status_code == 403
        assert bob.delete("/api/schedules/nightly").status_code == 204
    lines = {(line.user, line.action, line.subject, line.status) for line in at.door.audit.newest(50)}
    assert {
        ("bob", "pause schedule", "schedule nightly", 200),
        ("bob", "run schedule", "schedule nightly", 201),
        ("bob", "remove schedule", "schedule nightly", 204),
        ("ana", "remove schedule", "schedule nightly", 403),
    } <= lines
