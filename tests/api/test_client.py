"""The Python client as its users meet it."""

from __future__ import annotations

import contextlib
import inspect
import re
import socket
import threading
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

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
    from collections.abc import Iterator
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


def test_a_lab_that_comes_back_has_one_job_of_a_submission_whose_answer_was_lost(at: Daemon) -> None:
    token = read_token(at.data)
    assert token is not None
    with _losing_one_answer(at.url) as (url, lost), Client.at(url, token) as client:
        job = client.submit(submission("ok", "serial=one"))
        assert lost.is_set()
        assert [known.job for known in client.jobs()] == [job.job]


def test_the_same_key_is_the_same_job_for_another_client(at: Daemon) -> None:
    token = read_token(at.data)
    assert token is not None
    jobs = []
    for key in ("the run of some CI", "the run of some CI", "another run of it"):
        with Client.at(at.url, token) as client:
            jobs.append(client.submit(submission("ok", "serial=one"), key).job)
    assert jobs == [1, 1, 2]


@contextlib.contextmanager
def _losing_one_answer(url: str) -> Iterator[tuple[str, threading.Event]]:
    """A way to the daemon that breaks once its first answer is on the way, and is gone for a second then."""
    there = urlsplit(url)
    lost, over = threading.Event(), threading.Event()
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    hosts = (f"127.0.0.1:{port}".encode(), f"127.0.0.1:{there.port}".encode())  # the daemon minds its Host header

    def carry() -> None:
        nonlocal listener
        with listener.accept()[0] as client, socket.create_connection((there.hostname, there.port)) as server:
            listener.close()
            client.settimeout(0.2)
            with contextlib.suppress(TimeoutError):
                while part := client.recv(1 << 16):
                    server.sendall(part.replace(*hosts))
            assert server.recv(1 << 16).startswith(b"HTTP/1.1 201")
            lost.set()
        over.wait(1.0)
        listener = socket.create_server(("127.0.0.1", port))
        listener.settimeout(0.1)
        while not over.is_set():
            with contextlib.suppress(TimeoutError):
                client, _ = listener.accept()
                server = socket.create_connection((there.hostname, there.port))
                for one, other in ((client, server), (server, client)):
                    threading.Thread(target=_pump, args=(one, other, hosts), daemon=True).start()

    carrier = threading.Thread(target=carry, daemon=True)
    carrier.start()
    try:
        yield f"http://127.0.0.1:{port}", lost
    finally:
        over.set()
        carrier.join()
        listener.close()


def _pump(one: socket.socket, other: socket.socket, hosts: tuple[bytes, bytes]) -> None:
    with one, other, contextlib.suppress(OSError):
        while part := one.recv(1 << 16):
            other.sendall(part.replace(*hosts))
