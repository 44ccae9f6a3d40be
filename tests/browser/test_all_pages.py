"""Every page of the foundation: wide and narrow, light and dark, full and empty, by keyboard, with names that mean harm."""

from __future__ import annotations

import contextlib
import re
import time
from typing import TYPE_CHECKING

import pytest
from PIL import Image
from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import expect

from benchmarks.pages_lab import Size, devices, furnish
from farm.client import connect
from farm.fleet.device import Device
from farm.store.state import State
from farm.submission import Variant
from tests.browser.conftest import accessible, drawn, fits, picture, visiting
from tests.daemon.lab import MODEL_SHA, Bench, daemon, settings, submission

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Route

    from farm.daemon import Daemon
    from tests.browser.conftest import Open

SIZE = Size(devices=24, nights=10, models=5)
PAGES = (
    "/",
    "/nights/5",
    "/fleet",
    "/fleet?condition=quarantined",
    "/fleet/shelf-007",
    "/jobs",
    "/jobs?q=yamnet",
    "/nothing",
)
HOSTILE = "<script>document.title='taken'</script><b>&\"'`{{7*7}}"


@pytest.fixture(scope="module")
def morning(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """A lab with a history, made up."""
    bench = Bench()
    bench.attached = devices(SIZE.devices, time.time())
    data = tmp_path_factory.mktemp("lab")
    with contextlib.closing(State(data / "state.db")) as state:
        furnish(state, SIZE)
    made = daemon(settings(data), fleet=bench)
    made.start(port=0, eager=False)
    yield made
    made.stop()


@pytest.mark.slow
@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_whole_for_everybody(chromium: Browser, morning: Daemon, pictures: Path, path: str) -> None:
    for width, dark in ((1280, False), (1280, True), (360, False)):
        expected = "404" if path == "/nothing" else ""
        with visiting(chromium, morning, path, width=width, dark=dark, wrong=expected) as page:
            drawn(page)
            accessible(page)
            fits(page)
            name = re.sub(r"\W+", "-", path).strip("-") or "tonight"
            picture(page, pictures, f"{name}-{width}{'-dark' if dark else ''}")


@pytest.mark.slow
def test_a_chart_has_its_table_its_csv_and_its_picture(chromium: Browser, morning: Daemon, pictures: Path) -> None:
    with visiting(chromium, morning, "/fleet") as page:
        drawn(page)
        figure = page.locator("#chart-utilization")
        figure.get_by_text("Table", exact=True).click()
        shown = figure.locator("tbody tr").count()
        with page.expect_download() as csv:
            figure.get_by_role("link", name="CSV").click()
        lines = csv.value.path().read_text(encoding="utf-8").splitlines()
        assert len(lines) == shown + 1
        with page.expect_download() as png:
            figure.get_by_role("button", name="PNG").click()
        kept = pictures / "utilization.png"
        png.value.save_as(kept)
        assert kept.read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
def test_every_device_has_the_sentinels_line_in_words_too(chromium: Browser, morning: Daemon) -> None:
    with visiting(chromium, morning, "/fleet") as page:
        drawn(page)
        line = page.get_by_role("row", name="shelf-007").get_by_role("img", name="of its 9 nights before")
        expect(line).to_be_visible()
        assert line.locator("path:not(.usual)").evaluate("(path) => path.getTotalLength()") > 0
        figure = page.locator("#chart-sentinel")
        with page.expect_download() as csv:
            figure.get_by_role("link", name="CSV").click()
        rows = csv.value.path().read_text(encoding="utf-8").splitlines()
        assert sum(row.startswith("shelf-007,") for row in rows) == SIZE.nights


@pytest.mark.slow
def test_a_picture_gives_its_words_as_many_rows_as_they_take(
    chromium: Browser, morning: Daemon, pictures: Path
) -> None:
    heights = []
    for width in (1280, 360):
        with visiting(chromium, morning, "/fleet", width=width) as page:
            drawn(page)
            figure = page.locator("#chart-sentinel")
            plot = figure.locator("canvas").first.evaluate("(canvas) => canvas.height")
            with page.expect_download() as png:
                figure.get_by_role("button", name="PNG").click()
            kept = pictures / f"sentinel-{width}.png"
            png.value.save_as(kept)
            with Image.open(kept) as image:
                heights.append(image.height - plot)
    assert heights[1] > heights[0], "title and note take more of them on a narrow screen"


@pytest.mark.slow
def test_the_colors_are_the_readers_and_stay(chromium: Browser, morning: Daemon) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    with visiting(chromium, morning, "/fleet") as page:
        light = page.evaluate(ground)
        button = page.get_by_role("button", name="colors")
        button.click()
        button.click()
        expect(button).to_have_text("Dark")
        dark = page.evaluate(ground)
        assert dark != light
        page.reload()
        expect(button).to_have_text("Dark")
        assert page.evaluate(ground) == dark


@pytest.mark.slow
def test_everything_can_be_reached_by_keyboard(chromium: Browser, morning: Daemon) -> None:
    with visiting(chromium, morning, "/") as page:
        drawn(page)
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name="Skip to the page")).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.locator("main")).to_be_focused()
        page.keyboard.press("?")
        expect(page.get_by_role("dialog")).to_be_visible()
        accessible(page)
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_be_hidden()
        page.keyboard.press("g")
        page.keyboard.press("f")
        page.wait_for_url("**/fleet")
        page.keyboard.press("/")
        expect(page.locator("#search")).to_be_focused()
        page.keyboard.type("shelf-007")
        page.keyboard.press("Enter")
        page.wait_for_url("**/fleet/R5CT0000007")
        page.keyboard.press("/")
        page.keyboard.type("1")
        page.keyboard.press("Enter")
        page.wait_for_url("**/jobs/1")


@pytest.mark.slow
def test_a_filter_stands_in_the_address(chromium: Browser, morning: Daemon) -> None:
    with visiting(chromium, morning, "/jobs") as page:
        page.get_by_label("Model or user").fill("yamnet")
        page.get_by_label("Kind").select_option("nightly")
        page.get_by_role("button", name="Show").click()
        page.wait_for_url("**/jobs?q=yamnet*")
        rows = page.locator("tbody tr")
        expect(rows).to_have_count(SIZE.nights)
        again = page.url
        page.goto("about:blank")
        page.goto(again)
        expect(rows).to_have_count(SIZE.nights)
        expect(page.get_by_label("Kind")).to_have_value("nightly")


@pytest.mark.slow
def test_an_empty_lab_says_what_to_do_next(tmp_path: Path, chromium: Browser, pictures: Path) -> None:
    made = daemon(settings(tmp_path / "data"), fleet=Bench())
    made.start(port=0)
    try:
        commands = {
            "/": ("farm schedule add", "farm submit"),
            "/fleet": ("farm virtual up",),
            "/jobs": ("farm submit",),
        }
        for path, expected in commands.items():
            with visiting(chromium, made, path) as page:
                drawn(page)
                for command in expected:
                    expect(page.locator(".empty code", has_text=command)).to_be_visible()
                accessible(page)
                picture(page, pictures, f"empty-{path.strip('/') or 'tonight'}")
    finally:
        made.stop()


@pytest.mark.slow
def test_names_are_words_and_nothing_else(lab: Daemon, bench: Bench, visit: Open, pictures: Path) -> None:
    bench.attached.append(
        Device(
            f"serial {HOSTILE}".replace("/", ""),
            "device",
            {"ro.product.model": HOSTILE * 20},
            name=HOSTILE,
            labels=frozenset({HOSTILE}),
        )
    )
    with connect(lab.settings) as client:
        client.wait(client.submit(submission(f"ok {HOSTILE}", "serial=one")).job)
        long = submission(f"ok {'m' * 252}", "serial=one")
        other = Variant(name="other", model_name=f"ok {'n' * 252}", model_sha256=MODEL_SHA)
        client.wait(client.submit(long.model_copy(update={"variants": (Variant(name="one"), other)})).job)
    for path in ("/", "/fleet", "/jobs", f"/jobs?q={'%3Cb%3E'}"):
        page = visit(lab, path, width=360)
        drawn(page)
        expect(page).to_have_title(re.compile("- farm$"))
        fits(page)
        assert page.locator("main b").count() == 0
    page = visit(lab, "/fleet")
    page.get_by_role("link", name=HOSTILE[:20]).first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("<script>")
    accessible(page)
    picture(page, pictures, "hostile-device")


@pytest.mark.slow
def test_a_job_shows_up_and_ends_by_itself(lab: Daemon, visit: Open, tmp_path: Path) -> None:
    page = visit(lab, "/jobs")
    drawn(page)
    with connect(lab.settings) as client:
        job = client.submit(submission(f"until {tmp_path / 'go'}", "serial=one")).job
        row = page.get_by_role("row", name=re.compile(rf"^{job}\b"))
        expect(row).to_contain_text("running")
        (tmp_path / "go").touch()
        expect(row).to_contain_text("1 pass")


@pytest.mark.slow
def test_a_page_finds_the_next_daemon(tmp_path: Path, chromium: Browser, bench: Bench) -> None:
    first = daemon(settings(tmp_path / "data"), fleet=bench)
    first.start(port=0)
    port = int(first.url.rpartition(":")[2])
    with visiting(
        chromium, first, "/fleet", wrong="ERR_CONNECTION|ERR_INCOMPLETE|Failed to load|EventSource|error"
    ) as page:
        drawn(page)
        first.stop()
        expect(page.locator("#stream")).to_have_text("reconnecting")
        second = daemon(settings(tmp_path / "data"), fleet=bench)
        second.start(port=port)
        try:
            expect(page.locator("#stream")).to_have_text("live")
            bench.attached.pop()
            expect(page.get_by_role("row", name="two")).to_have_count(0)
        finally:
            second.stop()


@pytest.mark.slow
def test_a_session_that_ends_leads_to_the_login_and_back(lab: Daemon, visit: Open) -> None:
    page = visit(lab, "/fleet?q=one")
    page.get_by_role("button", name="Log out").click()
    page.wait_for_url("**/login")
    accessible(page)
    page.goto(f"{lab.url}/fleet?q=one")
    page.get_by_label("Token").fill((lab.data / "token").read_text())
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url("**/fleet?q=one")
    expect(page.get_by_role("row", name="one")).to_be_visible()


@pytest.mark.slow
def test_what_is_asked_for_while_a_session_ends_does_not_call_the_page_back(lab: Daemon, visit: Open) -> None:
    page = visit(lab, "/fleet?q=one")
    drawn(page)
    asked: list[Route] = []
    page.route("**/fleet?q=one", lambda route: asked.append(route))  # noqa: PLW0108  # what Playwright takes is marked by it
    page.evaluate("document.body.dispatchEvent(new CustomEvent('lab-device'))")
    while not asked:
        page.wait_for_timeout(20)
    (late,) = asked

    def ended(route: Route) -> None:
        # The session is over, and the page still there.
        answer = route.fetch(headers=route.request.headers | {"origin": lab.url}, max_redirects=0)
        with contextlib.suppress(PlaywrightError):  # nobody waits for it any more
            late.continue_()
        page.wait_for_timeout(500)
        route.fulfill(response=answer)

    page.route("**/logout", ended)
    page.get_by_role("button", name="Log out").click()
    page.wait_for_url("**/login")


@pytest.mark.slow
def test_one_stream_of_events_a_page(lab: Daemon, visit: Open) -> None:
    page = visit(lab, "/fleet")
    drawn(page)
    streams = page.evaluate(
        "performance.getEntriesByType('resource').filter((e) => e.name.includes('/api/events')).length"
    )
    assert streams <= 1  # one that is open may not be listed yet
    names = page.evaluate("performance.getEntriesByType('resource').map((e) => e.name)")
    assert all(name.startswith(lab.url) for name in names), "nothing is loaded from elsewhere"
