"""Chromium on the real dashboard of a real daemon. Whatever the console complains of fails the test."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect, sync_playwright

from farm.client import connect
from farm.client.dashboard import DashboardClient
from tests.daemon.lab import Bench, daemon, settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser, ConsoleMessage, Page

    from farm.daemon import Daemon

    Open = Callable[..., Page]

AXE = Path(__file__).parent / "vendor" / "axe" / "axe.min.js"
PATIENCE_MS = 60_000
"""How long a page may take until it shows what is waited for: no test asserts a time, so it is long."""
expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture(scope="module")  # an event loop runs in its thread as long as it does, where other tests want their own
def chromium() -> Iterator[Browser]:
    """Debian's browser; `./run test` installs it."""
    program = shutil.which("chromium")
    assert program is not None, "chromium is missing: apt-get install chromium fonts-dejavu-core"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-dev-shm-usage"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where screenshots are kept: $FARM_SCREENSHOTS, else with the test's other files."""
    kept = os.environ.get("FARM_SCREENSHOTS")
    folder = Path(kept) if kept else tmp_path_factory.mktemp("screenshots")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture
def bench() -> Bench:
    """The devices on the table; a test may add and remove some."""
    return Bench("one", "two")


@pytest.fixture
def lab(tmp_path: Path, bench: Bench) -> Iterator[Daemon]:
    """A daemon with two devices whose runs do what their model's name says."""
    made = daemon(settings(tmp_path / "data"), fleet=bench)
    made.start(port=0)
    yield made
    made.stop()


@pytest.fixture
def visit(chromium: Browser, request: pytest.FixtureRequest) -> Iterator[Open]:
    """Open a page of a lab, logged in; at the end no console error may have been seen."""
    with contextlib.ExitStack() as ends:
        yield lambda at, path="/", **options: ends.enter_context(visiting(chromium, at, path, **options))


@contextlib.contextmanager
def visiting(
    chromium: Browser, at: Daemon, path: str, *, width: int = 1280, dark: bool = False, wrong: str = ""
) -> Iterator[Page]:
    """A page, logged in by a one-use code. `wrong` is a pattern of the console errors that are expected."""
    with connect(at.settings) as client:
        address = DashboardClient(client).url(path)
    context = chromium.new_context(
        viewport={"width": width, "height": 900}, color_scheme="dark" if dark else "light", reduced_motion="reduce",
        locale="en-GB",
    )  # fmt: skip
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    errors: list[str] = []

    def hear(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            errors.append(f"{message.text} {message.location}")

    page.on("console", hear)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(address)
    try:
        yield page
        unexpected = [error for error in errors if not (wrong and re.search(wrong, error))]
        assert not unexpected
    finally:
        context.close()


def drawn(page: Page) -> None:
    """Wait until the page is live and every chart in view is drawn."""
    expect(page.locator("#stream")).to_have_attribute("data-state", "live")
    for chart in page.locator("figure.chart").all():
        if chart.is_visible():
            chart.scroll_into_view_if_needed()
            expect(chart).to_have_attribute("data-drawn", "")
    page.evaluate("scrollTo(0, 0)")


def accessible(page: Page) -> None:
    """No rule of WCAG 2.2 A and AA, nor a good practice, that axe knows how to test is broken.

    Evaluated through the debugger, which the page's policy does not bind.
    """
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found: list[dict[str, Any]] = page.evaluate("axe.run().then((result) => result.violations)")
    assert not [
        f"{broken['id']}: {node['target']} {node.get('failureSummary', '')}"
        for broken in found
        for node in broken["nodes"]
    ]


def fits(page: Page) -> None:
    """The page is not wider than the screen; what is wider scrolls inside it."""
    assert page.evaluate("document.documentElement.scrollWidth") <= page.evaluate(
        "document.documentElement.clientWidth"
    )


def picture(page: Page, folder: Path, name: str) -> None:
    """Keep what the page looks like, all of it."""
    page.screenshot(path=folder / f"{name}.png", full_page=True)
