"""The page Tonight in a real browser: it follows its night without being loaded anew."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from farm.queue.planner import plan
from farm.store import nights
from tests.browser.conftest import accessible, drawn, fits, picture
from tests.daemon.lab import submission
from tests.notify.kit import add_check, add_schedule

if TYPE_CHECKING:
    from pathlib import Path

    from farm.daemon import Daemon
    from tests.browser.conftest import Open


@pytest.mark.slow
def test_a_night_is_followed_from_its_beginning_to_its_gates(
    lab: Daemon, visit: Open, tmp_path: Path, pictures: Path
) -> None:
    schedule = add_schedule(lab.state)
    page = visit(lab, "/")
    drawn(page)
    expect(page.locator(".empty code", has_text="farm schedule run-now nightly")).to_be_visible()
    page.evaluate("window.same = true")  # gone where the page is loaded anew
    night, _ = nights.begin(lab.state, schedule)
    expect(page.get_by_role("navigation", name="Nights").get_by_role("link", name="nightly (open)")).to_be_visible()
    nights.tell(lab.state, night, "waits for a device")
    expect(page.get_by_text("waits for a device").first).to_be_visible()
    asked = submission(f"until {tmp_path / 'go'}")
    job = lab.state.add_job(asked, plan(asked, lab.seen()), kind=nights.KIND, night=night)
    lab.jobs.watch(job)
    expect(page.get_by_label("running")).to_have_count(2)
    (tmp_path / "go").touch()
    expect(page.locator(".chip.good", has_text="over")).to_be_visible()
    expect(page.get_by_label("pass")).to_have_count(2)
    add_check(lab.state, "release", time.time())
    expect(page.get_by_role("listitem").filter(has_text="release")).to_be_visible()
    assert page.evaluate("window.same")
    accessible(page)
    fits(page)
    picture(page, pictures, "tonight-followed")


@pytest.mark.slow
def test_the_page_of_a_night_hears_of_its_own_end(lab: Daemon, visit: Open) -> None:
    night, _ = nights.begin(lab.state, add_schedule(lab.state))
    page = visit(lab, f"/nights/{night}")
    drawn(page)
    expect(page.locator(".chip", has_text="open")).to_be_visible()
    nights.fail(lab.state, night, "the model's file is gone")
    expect(page.locator(".chip.bad", has_text="failed")).to_be_visible()
    expect(page.get_by_text("the model's file is gone").first).to_be_visible()
