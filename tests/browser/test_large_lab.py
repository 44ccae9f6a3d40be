"""A lab of 10,000 runs: every page opens, fits, can be paged, and nothing jumps while it is drawn."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from benchmarks.pages import SHIFTS, addresses
from benchmarks.pages_lab import Size, devices, furnish
from farm.store.state import State
from tests.browser.conftest import drawn, fits, visiting
from tests.daemon.lab import Bench, daemon, settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

    from farm.daemon import Daemon

pytestmark = pytest.mark.slow
SIZE = Size(devices=120, nights=10, models=8)
SETTLED_MS = 1500
"""The first refresh of live parts comes within a second of the stream."""


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    bench = Bench()
    bench.attached = devices(SIZE.devices, time.time())
    data = tmp_path_factory.mktemp("large")
    with contextlib.closing(State(data / "state.db")) as state:
        furnish(state, SIZE)
        assert state.read("SELECT count(*) FROM runs")[0][0] >= 10_000
    made = daemon(settings(data), fleet=bench)
    made.start(port=0, eager=False)
    yield made
    made.stop()


@pytest.mark.parametrize("width", [1280, 360])
def test_every_page_opens_and_nothing_jumps(chromium: Browser, large: Daemon, width: int) -> None:
    with visiting(chromium, large, "/", width=width) as page:
        page.add_init_script(f"({SHIFTS})()")
        for name, path in addresses(large).items():
            page.goto(large.url + path)
            drawn(page)
            fits(page)
            page.wait_for_timeout(SETTLED_MS)
            assert page.evaluate("window.jumped") == 0, f"{name}, {path}"


def test_long_lists_are_paged_to_their_end(chromium: Browser, large: Daemon) -> None:
    with visiting(chromium, large, "/jobs?kind=nightly") as page:
        seen = _all(page, "tbody th a")
        assert seen == sorted(seen, reverse=True), "the newest first"
        assert len(set(seen)) == len(seen) == SIZE.nights * SIZE.models
        newest = seen[0]
    with visiting(chromium, large, f"/jobs/{newest}") as page:
        runs = _all(page, f'a[href^="/jobs/{newest}/runs/"]')
        (count,) = large.state.read("SELECT count(*) FROM runs WHERE job = ?", newest)[0]
        assert len(set(runs)) == count > 100, "more than one page of them"


def _all(page: Page, selector: str) -> list[int]:
    """The number each link ends on, page after page."""
    found = []
    while True:
        expect(page.locator("#stream")).to_have_attribute("data-state", "live")
        links = page.locator(selector).evaluate_all("(all) => all.map((a) => a.getAttribute('href'))")
        found += [int(link.rpartition("/")[2]) for link in links]
        older = page.locator("a[rel=next]")
        if older.count() == 0:
            return found
        before = page.url
        older.click()
        expect(page).not_to_have_url(before)
