"""The page of messages: its button sends a real one, and says how each address took it."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect
from pydantic import SecretStr

from farm.sections.notify import Notify
from farm.store.told import Told, Word
from tests.browser.conftest import accessible, drawn, fits, picture, visiting
from tests.daemon.lab import daemon, settings
from tests.notify.kit import webhook

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser

HOSTILE = "<b>gate</b> {{7*7}} " + "x" * 300


@pytest.mark.slow
def test_a_test_message_is_sent_by_the_button(chromium: Browser, pictures: Path, tmp_path: Path) -> None:
    with webhook() as hook, contextlib.ExitStack() as ends:
        notify = Notify(urls=(SecretStr(hook.url), SecretStr("env:NOWHERE_AT_ALL")), quiet="22:00-06:00")
        at = daemon(settings(tmp_path / "data").model_copy(update={"notify": notify}))
        at.start(port=0, eager=False)
        ends.callback(at.stop)
        told = Told(at.state)
        told.add(
            Word("gate 1", "gate", 1795334400.0, HOSTILE, "text", "<p>html</p>"), ["1 json", "2 env:NOWHERE_AT_ALL"]
        )
        told.succeed(1, 1795334460.0)
        told.fail(2, 1795334460.0, "<i>no luck</i>", again=None)
        for width, dark in ((1280, False), (1280, True), (360, False)):
            with visiting(chromium, at, "/notify", width=width, dark=dark) as page:
                drawn(page)
                expect(page.get_by_text("<i>no luck</i>")).to_be_visible()
                page.get_by_role("button", name="Send a test message").focus()
                page.keyboard.press("Enter")
                expect(page.get_by_text("the daemon has no variable NOWHERE_AT_ALL")).to_be_visible()
                accessible(page)
                fits(page)
                picture(page, pictures, f"messages-{width}{'-dark' if dark else ''}")
    assert len(hook.bodies) == 3


@pytest.mark.slow
def test_a_lab_that_tells_nobody_says_how(chromium: Browser, pictures: Path, tmp_path: Path) -> None:
    at = daemon(settings(tmp_path / "data"))
    at.start(port=0, eager=False)
    with contextlib.ExitStack() as ends:
        ends.callback(at.stop)
        page = ends.enter_context(visiting(chromium, at, "/", width=360))
        drawn(page)
        page.get_by_role("link", name="Who is told of this").click()
        expect(page.get_by_text("Nobody is told anything")).to_be_visible()
        accessible(page)
        fits(page)
        picture(page, pictures, "messages-empty-360")
