"""The pages of gates in a browser: whole for everybody, full and empty, with names that mean harm."""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import accessible, drawn, fits, picture, visiting
from tests.daemon.lab import daemon, settings
from tests.gate.lab import Manner, gate, up

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser

HOSTILE = "<script>document.title='taken'</script><b>" + "m" * 80
GATES = (
    gate(
        "nightly", "accuracy(new) - accuracy(old) > -0.1 +/- 0.05", "latency.p90 < 1.05 * baseline", models=[HOSTILE],
        schedules=["nightly", "x" * 64],
    ),
    gate("n" * 64, "top1 > 0.5 and memory.peak < 200 MiB @ 0", on="serial=one", mode="fp-free"),
)  # fmt: skip


@pytest.mark.slow
def test_gates_are_whole_for_everybody(chromium: Browser, pictures: Path, tmp_path: Path) -> None:
    with up(tmp_path / "data", *GATES) as lab:
        jobs = [lab.job(HOSTILE, Manner(wrong=wrong), commit="c" * 40) for wrong in (20, 22, 120)]
        lab.check("nightly", jobs[0])
        for job in jobs[1:]:
            lab.check("nightly", job, against=str(jobs[0]))
        for path in ("/gates", "/gates/nightly", f"/gates/{'n' * 64}", "/gates/nightly/needs"):
            for width, dark in ((1280, False), (1280, True), (360, False)):
                with visiting(chromium, lab.daemon, path, width=width, dark=dark) as page:
                    drawn(page)
                    expect(page).to_have_title(re.compile("- farm$"))
                    assert page.locator("main b").count() == 0
                    accessible(page)
                    fits(page)
                    name = f"gate{path.removeprefix('/gates')[:14].replace('/', '-')}"
                    picture(page, pictures, f"{name}-{width}{'-dark' if dark else ''}")
        with visiting(chromium, lab.daemon, "/") as page:
            drawn(page)
            page.keyboard.press("g")
            page.keyboard.press("a")
            page.wait_for_url("**/gates")
            page.get_by_role("link", name="nightly", exact=True).click()
            expect(page.get_by_role("heading", level=1)).to_have_text("Gate nightly")
            rows = page.get_by_role("region", name="Checks", exact=True).locator("tbody tr")
            expect(rows).to_have_count(3)
            page.get_by_text("What it needs").first.click()
            expect(page.locator("#needs tbody tr")).to_have_count(2)
            accessible(page)
            fits(page)
            rows.first.get_by_role("link", name=f"job {jobs[2]}").click()
            page.wait_for_url(f"**/jobs/{jobs[2]}")


@pytest.mark.slow
def test_a_lab_without_gates_says_what_to_write(chromium: Browser, pictures: Path, tmp_path: Path) -> None:
    at = daemon(settings(tmp_path / "data"))
    at.start(port=0, eager=False)
    with contextlib.ExitStack() as ends:
        ends.callback(at.stop)
        page = ends.enter_context(visiting(chromium, at, "/gates", width=360))
        drawn(page)
        expect(page.locator(".empty code")).to_contain_text("[[gate]]")
        accessible(page)
        fits(page)
        picture(page, pictures, "gates-empty-360")
