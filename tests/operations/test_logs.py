"""The daemon's log: what it is about is in fields, and no secret is in it."""

from __future__ import annotations

import json
import logging
import secrets
import sys
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farm import logs
from farm.api.advert import read_token
from farm.client import Client, connect
from farm.errors import FarmError
from farm.settings import Log
from tests.daemon.lab import daemon, settings, submission

if TYPE_CHECKING:
    from pathlib import Path


def lines(file: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_a_job_leaves_its_way_through_the_lab(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    at = daemon(settings(tmp_path / "data"))
    end = logs.begin(Log(format="json", file=True), at.data)
    at.start(port=0)
    try:
        with connect(at.settings) as client:
            job = client.submit(submission("lab", "serial=one")).job
            client.wait(job)
        with pytest.raises(FarmError), Client.at(at.url, "wrong" + "x" * 38) as stranger:
            stranger.jobs()
    finally:
        at.stop()
        end()
    kept = lines(at.data / "logs" / logs.FILE)
    run = [(line["message"], line.get("run"), line.get("serial")) for line in kept if "run" in line]
    assert ("leased: one attempt 1", 1, "one") in run
    assert ("requeued: the cable", 1, None) in run
    assert ("failed: the cable", 1, "one") in run
    (submitted,) = (line for line in kept if line["message"] == "submit")
    assert {k: submitted[k] for k in ("token", "subject", "status")} == {
        "token": "local", "subject": f"job {job}", "status": 201,
    }  # fmt: skip
    told = capsys.readouterr().err
    assert [json.loads(line) for line in told.splitlines()] == kept
    token = read_token(at.data)
    assert token is not None
    assert token not in told


def test_the_level_is_heeded_and_the_end_is_an_end(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    end = logs.begin(Log(level="warning"), tmp_path)
    log = logging.getLogger("farm.test")
    log.info("quiet")
    log.warning("loud", extra={"run": 7})
    end()
    log.warning("after")
    told = capsys.readouterr().err
    assert told.rstrip().endswith("warning run=7: loud")
    assert told.count("\n") == 1
    assert not (tmp_path / "logs").exists()


def test_files_are_rotated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(logs, "FILE_BYTES", 2000)
    end = logs.begin(Log(file=True), tmp_path)
    for number in range(200):
        logging.getLogger("farm.test").info("line %d", number)
    end()
    files = sorted(p.name for p in (tmp_path / "logs").iterdir())
    assert files == [logs.FILE, *(f"{logs.FILE}.{n}" for n in range(1, logs.FILES + 1))]
    assert lines(tmp_path / "logs" / logs.FILE)[-1]["message"] == "line 199"


@given(st.text(), st.text(), st.one_of(st.none(), st.integers(), st.text()))
def test_every_line_is_one_json_object(message: str, serial: str, run: object) -> None:
    record = logging.LogRecord("farm", logging.INFO, "", 0, "%s", (message,), None)
    record.serial, record.run = serial, run
    text = logs.JsonLines().format(record)
    assert "\n" not in text
    assert json.loads(text)["level"] == "info"
    logs.Lines().format(record)


@given(st.integers(0, 2**32), st.sampled_from(["Bearer {}", "token={}", "http://me:{}@host/", "got {} here", "'{}'"]))
def test_what_looks_like_a_token_is_hidden(seed: int, around: str) -> None:
    token = secrets.token_urlsafe(32)
    sha256 = f"{seed:064x}"
    try:
        raise ValueError(around.format(token))
    except ValueError:
        record = logging.LogRecord(
            "farm", logging.INFO, "", 0, f"{around.format(token)} {sha256}", None, sys.exc_info()
        )
    for formatter in (logs.JsonLines(), logs.Lines()):
        text = formatter.format(record)
        assert token not in text
        assert sha256 in text, "what names an artifact is no secret"
