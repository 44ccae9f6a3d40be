"""The Python client as its users meet it."""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING

import pytest

import farm.client
from farm.api.advert import read_token
from farm.client import Client, connect
from farm.errors import DaemonError, InputsError
from farm.report.document import Job
from tests.api.conftest import make_token
from tests.conftest import ROOT
from tests.daemon.lab import submission

if TYPE_CHECKING:
    from pathlib import Path

    from farm.daemon import Daemon


def test_the_example_of_the_docs_runs(
    at: Daemon, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "api.md").read_text(encoding="utf-8"), re.S)
    (tmp_path / "model.tflite").write_bytes(b"another model")
    (tmp_path / "photos").mkdir()
    for name in ("b.png", "a.png"):
        (tmp_path / "photos" / name).write_bytes(name.encode())
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FARM_URL", at.url)
    monkeypatch.setenv("FARM_TOKEN", make_token(at, "submit"))
    exec(compile(example, "docs/api.md", "exec"), {})  # noqa: S102  # our own page
    told = capsys.readouterr().out.splitlines()
    assert told[:2] == ["one device", "two device"]
    assert told[-2:] == ["one pass", "two pass"]
    with connect(at.settings) as client:
        (job,) = client.jobs()
        assert (job.model, job.frames) == ("model.tflite", 2)


def test_every_public_method_says_what_it_does() -> None:
    public = [m for name, m in inspect.getmembers(Client) if not name.startswith("_")]
    assert len(public) > 15
    for thing in (*public, Client, connect, farm.client):
        assert inspect.getdoc(thing), thing


def test_a_job_goes_on_when_its_client_leaves(at: Daemon) -> None:
    token = read_token(at.data)
    assert token is not None
    with Client.at(at.url, token) as client:
        job: Job = client.submit(submission("ok", "serial=one"))
        assert client.submitted == {job.job}
    with Client.at(at.url, token) as client:
        assert client.wait(job.job).status == "done"


def test_put_sends_once_and_tells_what_it_cannot_read(at: Daemon, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"some bytes")
    with connect(at.settings) as client:
        sha256 = client.put(file)
        assert (client.put(str(file)), client.artifact(sha256)) == (sha256, b"some bytes")
        with pytest.raises(InputsError, match="cannot be read"):
            client.put(tmp_path / "none")
        file.write_bytes(b"others")
        with pytest.raises(InputsError, match="got bytes"):
            client.upload({"0" * 64: file})


def test_a_lab_that_is_gone_is_told_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FARM_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("FARM_TOKEN", "x")
    with pytest.raises(DaemonError, match="no lab answers") as e, connect():
        pass
    assert "FARM_URL" in e.value.remedy
