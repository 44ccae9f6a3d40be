"""The fleet's page in a real browser."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.sync_api import expect

from farm.fleet.device import Device
from tests.browser.conftest import accessible, drawn, fits, picture

if TYPE_CHECKING:
    from pathlib import Path

    from farm.daemon import Daemon
    from tests.browser.conftest import Open
    from tests.daemon.lab import Bench


def test_a_device_that_is_plugged_in_shows_up_by_itself(lab: Daemon, bench: Bench, visit: Open, pictures: Path) -> None:
    page = visit(lab, "/fleet")
    expect(page.get_by_role("row", name="one")).to_be_visible()
    drawn(page)
    bench.attached.pop()
    expect(page.get_by_role("row", name="two")).to_have_count(0)
    bench.attached.append(Device("three", "device", {"ro.product.cpu.abi": "x86_64"}))
    expect(page.get_by_role("row", name="three")).to_be_visible()
    picture(page, pictures, "fleet-small")
    accessible(page)
    fits(page)
