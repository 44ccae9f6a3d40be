"""From a night to a message: `farm up`, a virtual phone, a schedule, a gate, a receiver; nothing in between is a test's own."""

from __future__ import annotations

import contextlib
import html
import json
import os
import re
import signal
from typing import TYPE_CHECKING

import httpx2
import pytest

from farm import virtual
from farm.api.advert import read_token
from farm.store.state import State
from tests.cli.conftest import Lab
from tests.conftest import DEMO
from tests.daemon.lab import until
from tests.notify.kit import webhook
from tests.notify.test_killed import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from farm.fleet.adb import AdbServer
    from tests.notify.kit import Received

pytestmark = pytest.mark.slow

CONFIG = """
data = "data"
[adb]
port = {adb}
[api]
port = {port}
[notify]
urls = ["{url}"]
digest_at = "{digest}"
zone = "UTC"
link = "http://127.0.0.1:{port}"
[[gate]]
name = "release"
schedules = ["nightly"]
conditions = ["top1 > 0.5 @ 0.9"]
[[schedule]]
name = "nightly"
cron = "0 0 1 1 *"
on = "kind=virtual"
model = "{demo}/model.tflite"
inputs = "{demo}/inputs"
labels = "{demo}/labels.tsv"
recipe = "{demo}/{recipe}.recipe.toml"
expected = "{demo}/model.recipe.toml"
"""
DAY = 86400.0
GOOD, PLANTED = "model", "bgr"


@pytest.fixture
def lab(adb: AdbServer, tmp_path: Path) -> Iterator[Lab]:
    """One virtual phone."""
    lab = Lab(tmp_path)
    for phone in virtual.up(lab.data / "virtual", 1, owner_pid=os.getpid()):
        adb.connect(phone.serial)
    yield lab
    for phone in virtual.down(lab.data / "virtual"):
        adb.disconnect(phone.serial)


def test_a_night_gets_to_people_once_with_links_that_open(lab: Lab, adb: AdbServer) -> None:
    port = free_port()
    with webhook() as hook:

        @contextlib.contextmanager
        def up(recipe: str, digest: str = "") -> Iterator[None]:
            words = CONFIG.format(adb=adb.port, port=port, url=hook.url, digest=digest, demo=DEMO, recipe=recipe)
            (lab.folder / "farm.toml").write_text(words)
            with running(lab):
                yield

        with up(GOOD):
            night(lab)
            until(lambda: checked(lab) == ["pass"])
        days_ago(lab)
        with up(PLANTED):
            night(lab)
            until(lambda: checked(lab) == ["fail", "pass"])
            until(lambda: states(lab) == ["sent"])
            told_gate(hook, port)
        with up(PLANTED, digest="00:00"):
            until(lambda: states(lab) == ["sent", "sent"])
            told_digest(hook, port)
            links_open(lab, hook)
        with up(PLANTED, digest="00:00"):
            assert states(lab) == ["sent", "sent"]
        assert len(hook.bodies) == 2


def night(lab: Lab) -> None:
    done = lab.farm("schedule", "run-now", "nightly", "--wait", "--json")
    assert done.status in (0, 1), done.err


def days_ago(lab: Lab) -> None:
    """No clock can wait so long: the nights so far were two days earlier."""
    with contextlib.closing(State(lab.data / "state.db")) as state, state.write() as db:
        db.execute("UPDATE nights SET fire_at = fire_at - :s, fired = fired - :s, ended = ended - :s", {"s": 2 * DAY})


def checked(lab: Lab) -> list[str]:
    return [answer["outcome"] for answer in lab.farm("gate", "history", "release", "--json").document]


def states(lab: Lab) -> list[str]:
    return [one["state"] for one in lab.farm("notify", "list", "--json").document["deliveries"]]


def told_gate(hook: Received, port: int) -> None:
    (word,) = map(json.loads, hook.bodies)
    assert word["title"] == "farm: gate release failed on job 2"
    assert word["type"] == "failure"
    assert "is below 0.5" in html.unescape(word["message"])
    assert f"http://127.0.0.1:{port}/gates/release" in word["message"]


def told_digest(hook: Received, port: int) -> None:
    word = json.loads(hook.bodies[1])
    assert "1 gate failed, 1 new failure" in word["title"]
    told = html.unescape(word["message"])
    assert "gate release failed on job 2" in told
    assert re.search(r"model\.tflite fails on \S+: channel", told)
    assert "it passed the night before" in told
    assert "virtual" in told


def links_open(lab: Lab, hook: Received) -> None:
    told = "".join(json.loads(body)["message"] for body in hook.bodies)
    links = {html.unescape(link) for link in re.findall(r'href="([^"]+)"', told)}
    assert len(links) >= 3
    headers = {"authorization": f"Bearer {read_token(lab.data)}", "accept": "text/html"}
    with httpx2.Client(headers=headers, trust_env=False, timeout=30) as browser:
        for link in links:
            page = browser.get(link)
            assert page.status_code == 200, link
            assert "<main" in page.text, link


@contextlib.contextmanager
def running(lab: Lab) -> Iterator[None]:
    """`farm up`, ended as a lab owner does."""
    daemon = lab.start("up", "--json")
    try:
        assert daemon.stdout is not None
        assert "http://127.0.0.1:" in daemon.stdout.readline()
        yield
    finally:
        daemon.send_signal(signal.SIGTERM)
        daemon.communicate(timeout=60)
