"""A regression's runs frame by frame in a real browser: there once captures were read, and kept from then on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import accessible, drawn, fits, picture
from tests.daemon.frames_lab import shifted_lab

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from farm.daemon import Daemon
    from tests.browser.conftest import Open

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def at(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with shifted_lab(tmp_path_factory.mktemp("shifted") / "data") as lab:
        yield lab.daemon


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (360, True)])
def test_its_frames_are_compared_when_it_is_opened(
    at: Daemon, visit: Open, pictures: Path, width: int, *, dark: bool
) -> None:
    page = visit(at, "/regressions/1", width=width, dark=dark)
    frames = page.get_by_role("region", name="Frame by frame").get_by_role("row")
    expect(frames).to_have_count(5)  # times and answers of two runs, below the head
    expect(frames.nth(1)).to_contain_text("+50.0 %")
    expect(frames.nth(4)).to_contain_text("McNemar")
    drawn(page)
    picture(page, pictures, f"regression-frames-{width}")
    accessible(page)
    fits(page)
    frames.nth(1).get_by_role("link", name="newest run").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Run")
