"""The same over REST and on the command line, with a real daemon; no secret gets out."""

from __future__ import annotations

import contextlib
import json
import tarfile
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from farm.cli import app as command_line
from farm.client.client import Client
from farm.client.notify import NotifyClient
from farm.client.upkeep import UpkeepClient
from farm.errors import JobError
from farm.settings import load
from tests.api.conftest import http, make_token
from tests.daemon.lab import daemon, submission, until
from tests.notify.kit import mailbox, webhook

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from farm.daemon import Daemon
    from tests.notify.kit import Received

SECRETS = ("geheimes", "ein-geheimnis")


@pytest.fixture
def hook() -> Iterator[Received]:
    with webhook() as received:
        yield received


@pytest.fixture
def at(tmp_path: Path, hook: Received) -> Iterator[Daemon]:
    """A daemon with one address."""
    config = tmp_path / "farm.toml"
    config.write_text(f'data = "data"\n[api]\nport = 1\nartifact_limit_mb = 1\n[notify]\nurls = ["{hook.url}"]\n')
    made = daemon(load(config))
    made.start(port=0)
    with contextlib.closing(contextlib.ExitStack()) as ends:
        ends.callback(made.stop)
        yield made


def farm(at: Daemon, *arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(command_line, ["--config", str(at.data.parent / "farm.toml"), "notify", *arguments])
    return done.exit_code, done.stdout + done.stderr


def test_messages_are_tried_listed_and_sent(at: Daemon, hook: Received) -> None:
    status, text = farm(at, "test", "--json")
    assert (status, [(t["target"], t["sent"]) for t in json.loads(text)]) == (0, [("1 json", True)])
    status, text = farm(at, "digest", "--send")
    assert (status, "nothing changed" in text, "to 1 json" in text) == (0, True, True)
    until(lambda: len(hook.bodies) == 2)
    assert [json.loads(body)["title"].partition(":")[2] for body in hook.bodies] == [" a test", " nothing changed"]
    with http(at) as asked:
        until(lambda: 'farm_notifications{state="sent"} 1.0' in asked.get("/metrics").text)
        audit = [line["action"] for line in asked.get("/api/audit").json()]
    assert {"send a test message", "send a digest"} <= set(audit)
    status, text = farm(at, "list")
    assert (status, text.count("sent"), "told: 1 json; digest at 07:30" in text) == (0, 1, True)
    assert farm(at, "digest", "--night", "7")[0] == JobError.exit_status

    with contextlib.closing(Client.at(at.url, make_token(at, "operate"))) as client:
        messages = NotifyClient(client)
        assert [d.state for d in messages.told().deliveries] == ["sent"]
        assert messages.digest().news == ()
    with http(at, make_token(at, "read")) as read:
        assert read.get("/api/notify").status_code == 200
        assert [read.post(f"/api/notify/{what}").status_code for what in ("test", "digest")] == [403, 403]


def test_quiet_hours_are_told_to_who_asks(tmp_path: Path, hook: Received) -> None:
    now = datetime.now(UTC)
    since, until = (f"{now + timedelta(hours=hours):%H:%M}" for hours in (-6, 6))
    config = tmp_path / "farm.toml"
    config.write_text(
        f'data = "data"\n[api]\nport = 1\n[notify]\nurls = ["{hook.url}"]\nquiet = "{since}-{until}"\nzone = "UTC"\n'
        'digest_at = ""\n'
    )
    made = daemon(load(config))
    made.start(port=0)
    with contextlib.closing(contextlib.ExitStack()) as ends:
        ends.callback(made.stop)
        assert "it goes out when quiet hours end, to 1 json" in farm(made, "digest", "--send")[1]
        listed = farm(made, "list")[1]
        assert "held" in listed
        assert f"until {until}" in " ".join(listed.split())
    assert not hook.bodies


def test_no_secret_gets_out(at: Daemon, hook: Received, tmp_path: Path) -> None:
    with contextlib.closing(Client.at(at.url, make_token(at, "operate"))) as client:
        job = client.wait(client.submit(submission()).job)
        UpkeepClient(client).bundle(job.runs[0].id, tmp_path / "run.tar.gz")
    with tarfile.open(tmp_path / "run.tar.gz") as archive:
        inside = b"".join(found.read() for member in archive if (found := archive.extractfile(member)) is not None)
    assert b'"urls"' in inside
    with http(at) as asked:
        paths = ("/api/notify", "/api/notify/digest", "/metrics", "/openapi.json")
        answers = [asked.get(path).text for path in paths]
    for secret in SECRETS:
        assert secret.encode() not in inside
        assert secret not in repr(at.settings) + "".join(answers)


@pytest.mark.parametrize(
    ("url", "status", "error"),
    [
        ("nothing", 2, "each is SCHEME://..., env:NAME or file:PATH"),
        ("env:NOWHERE_AT_ALL", 3, "the daemon has no variable NOWHERE_AT_ALL"),
        pytest.param("", 0, "", marks=pytest.mark.slow),
    ],
)
def test_an_address_is_tried_before_it_is_written_down(tmp_path: Path, url: str, status: int, error: str) -> None:
    (tmp_path / "farm.toml").write_text('data = "data"\n')
    with mailbox() as mail:
        done = CliRunner().invoke(
            command_line, ["--config", str(tmp_path / "farm.toml"), "notify", "test", "--url", url or mail.url]
        )
    assert (done.exit_code, error in done.stdout + done.stderr) == (status, True)
    assert len(mail.bodies) == (not error)
    assert not (tmp_path / "data").exists()  # without a daemon
