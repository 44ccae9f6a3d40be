"""A job, its runs and comparisons in a real browser: live progress, parts that come when opened, charts, hostile names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from farm.submission import Terms
from tests.browser.conftest import accessible, drawn, fits, picture
from tests.pages.conftest import Lab, lab_at
from tests.pages.rich import HOSTILE
from tests.pages.rich import run as rich_run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.browser.conftest import Open

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def rich(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with lab_at(tmp_path_factory.mktemp("rich") / "data") as lab:
        yield lab


def test_progress_is_live_and_a_job_is_canceled_by_its_button(
    rich: Lab, visit: Open, tmp_path: Path, pictures: Path
) -> None:
    go = tmp_path / "go"
    job = rich.submit(f"until {go}")
    page = visit(rich.daemon, f"/jobs/{job}")
    expect(page.get_by_role("progressbar")).to_have_count(2)
    expect(page.get_by_text("0 of 2", exact=True)).to_be_visible()
    drawn(page)
    picture(page, pictures, "job-under-way")
    go.touch()
    expect(page.get_by_text("2 of 2", exact=True)).to_be_visible()
    expect(page.get_by_role("button", name="Cancel the job")).to_have_count(0)
    expect(page.get_by_role("link", name="Report")).to_be_visible()
    accessible(page)
    other = rich.submit(f"until {tmp_path / 'never'}")
    page = visit(rich.daemon, f"/jobs/{other}")
    page.get_by_role("button", name="Cancel the job").click()
    expect(page.get_by_role("link", name="canceled").or_(page.get_by_text("canceled")).first).to_be_visible()
    expect(page.get_by_role("button", name="Cancel the job")).to_have_count(0)


@pytest.mark.parametrize(("dark", "width"), [(False, 1280), (True, 1280), (False, 360)])
def test_a_run_is_read_by_everybody(rich: Lab, visit: Open, pictures: Path, *, dark: bool, width: int) -> None:
    rich.runs["large"] = lambda work: rich_run(work.run_id, layers=300)
    job = rich.over("large", selector="serial=one")
    page = visit(rich.daemon, f"/jobs/{job.job}/runs/{job.runs[0].id}", dark=dark, width=width)
    drawn(page)
    assert {
        "errors",
        "graph",
        "layer-types",
        "layer-times",
        "timeline-latency",
        "timeline-power",
        "ladder",
        "confusion",
    } <= {(chart.get_attribute("id") or "").removeprefix("chart-") for chart in page.locator("figure.chart").all()}
    page.get_by_text("Every layer, figure by figure").click()
    expect(page.locator("#layers tr")).to_have_count(302)
    fits(page)
    accessible(page)
    picture(page, pictures, f"run-{'dark' if dark else 'light'}-{width}")


def test_names_that_would_be_markup_are_names(rich: Lab, visit: Open, pictures: Path) -> None:
    rich.runs[HOSTILE] = lambda work: rich_run(work.run_id, name=HOSTILE)
    job = rich.over(HOSTILE, selector="serial=one", inputs=HOSTILE)
    word = f"{job.job}/{job.runs[0].id}"
    for path in (f"/jobs/{job.job}", f"/jobs/{word.replace('/', '/runs/')}", f"/compare?a={word}&b={word}"):
        page = visit(rich.daemon, path)
        expect(page.get_by_text(HOSTILE).first).to_be_visible()
        drawn(page)
        assert page.locator("img[src=x]").count() == 0
        fits(page)
    picture(page, pictures, "compare-hostile")


def test_a_name_of_500_characters_breaks_no_page(rich: Lab, visit: Open) -> None:
    long = "m" * 245 + ".tflite"  # the longest that a submission may have
    rich.runs[long] = lambda work: rich_run(work.run_id, name="x" * 500)
    job = rich.over(long, selector="serial=one")
    for path in (f"/jobs/{job.job}", f"/jobs/{job.job}/runs/{job.runs[0].id}"):
        page = visit(rich.daemon, path, width=360)
        drawn(page)
        fits(page)


def test_a_model_over_the_lab(rich: Lab, visit: Open, pictures: Path) -> None:
    job = rich.over("rich", terms=Terms(times=3))
    page = visit(rich.daemon, f"/compare?jobs={job.job}")
    expect(page.get_by_role("heading", name="Who parts in the same way")).to_be_visible()
    expect(page.get_by_role("row")).to_have_count(3)  # the head, and a row for each device
    drawn(page)
    accessible(page)
    fits(page)
    picture(page, pictures, "compare-fleet")


def test_compare_is_asked_by_keyboard(rich: Lab, visit: Open) -> None:
    job = rich.over("rich", selector="serial=one")
    page = visit(rich.daemon, "/compare")
    accessible(page)
    word = f"{job.job}/{job.runs[0].id}"
    page.get_by_label("A", exact=True).focus()
    page.keyboard.type(word)
    page.keyboard.press("Tab")
    page.keyboard.type(word)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="What their captures say")).to_be_visible()
    expect(page.get_by_text("left no captures")).to_be_visible()
    accessible(page)
