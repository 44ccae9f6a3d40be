"""How long do the dashboard's pages take over a lab with a history, and does anything jump while they are drawn?

A state file is filled with devices, nights and runs that were made up (benchmarks/pages_lab.py), a real daemon serves it,
and each page is asked for over HTTP, one request at a time, the pages in random order, beside a static file of the same
server. Server time is until the last byte; the first request of each page is told apart too, since what cannot change any more
(nights that are over) is kept from then on. Then each page is opened in Chromium, and its layout shift (the Layout Instability
API's) summed until it is drawn and live.

    python benchmarks/pages.py [--devices 200] [--nights 365] [--models 20] [--rounds 40] [--data FOLDER] [--json FILE]

`--data` keeps the lab: filling it takes minutes.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import json
import random
import shutil
import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import httpx2
from playwright.sync_api import sync_playwright

from benchmarks.pages_lab import Size, Table, devices, furnish
from farm.client import connect
from farm.client.dashboard import DashboardClient
from farm.daemon import Daemon
from farm.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

STATIC = "static file"
SHIFTS = """() => { window.jumped = 0;
  new PerformanceObserver((list) => list.getEntries().forEach((e) => { if (!e.hadRecentInput) window.jumped += e.value; }))
    .observe({ type: "layout-shift", buffered: true }); }"""


def addresses(at: Daemon) -> dict[str, str]:
    """Every page, by what it shows, on what this lab has; two runs side by side are left out, since these have no captures."""
    night, job = at.state.read("SELECT night, max(id) FROM jobs WHERE night = (SELECT max(id) FROM nights)")[0]
    run, serial = at.state.read(
        "SELECT id, serial FROM runs WHERE job = ? AND status = 'done' ORDER BY id LIMIT 1", job
    )[0]
    (model,) = at.state.read("SELECT summary ->> '$.model' FROM jobs WHERE id = ?", job)[0]
    return {
        "Tonight": "/",
        "a night": f"/nights/{max(1, night // 2)}",
        "Fleet": "/fleet",
        "device": f"/fleet/{serial}",
        "jobs": "/jobs",
        "jobs, filtered": "/jobs?q=yamnet&kind=nightly",
        "job": f"/jobs/{job}",
        "run": f"/jobs/{job}/runs/{run}",
        "compare nights": f"/compare?a=night-{night - 1}&b=night-{night}",
        "trend": "/trend",
        "trend of a model": f"/trend?model={model}",
        "trend of one": f"/trend?model={model}&device={serial}",
    }


def server_times(at: Daemon, pages: dict[str, str], rounds: int) -> dict[str, list[float]]:
    """Seconds of each request, by page; the static file among them."""
    asked = pages | {STATIC: "/static/farm.css"}
    found: dict[str, list[float]] = {name: [] for name in asked}
    chance = random.Random(1)  # noqa: S311  # an order, not a secret
    with http(at) as client:
        for _ in range(rounds):
            order = list(asked)
            chance.shuffle(order)
            for name in order:
                began = time.perf_counter()
                answer = client.get(asked[name])
                found[name].append(time.perf_counter() - began)
                if answer.status_code != 200:
                    raise SystemExit(f"{name}, {asked[name]}: {answer.status_code} {answer.text[-300:]}")
    return found


def sizes(at: Daemon, pages: dict[str, str]) -> dict[str, int]:
    """Bytes of each page."""
    with http(at) as client:
        return {name: len(client.get(path).content) for name, path in pages.items()}


def shifts(at: Daemon, pages: dict[str, str]) -> dict[str, float]:
    """What jumped on each page until it was drawn, every chart in view and the stream live: the sum of its layout shifts."""
    program = shutil.which("chromium")
    if program is None:
        raise SystemExit("chromium is missing: apt-get install chromium fonts-dejavu-core")
    found = {}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        context = browser.new_context(viewport={"width": 1280, "height": 900})
        page = context.new_page()
        with connect(at.settings) as client:
            page.goto(DashboardClient(client).url("/login"))
        page.add_init_script(f"({SHIFTS})()")
        for name, path in pages.items():
            page.goto(at.url + path)
            page.locator("#stream[data-state=live]").wait_for()
            page.wait_for_timeout(1500)  # the first refresh of live parts comes within a second of the stream
            found[name] = float(page.evaluate("window.jumped"))
        browser.close()
    return found


@contextlib.contextmanager
def served(size: Size, data: Path) -> Iterator[Daemon]:
    """A daemon over a lab of this size; what is in the folder already is taken as it is."""
    now = time.time()
    at = Daemon(Settings(data=data), fleet=Table(devices(size.devices, now)))
    at.start(port=0, eager=False)
    gc.freeze()  # as `farm up` does
    try:
        if not at.state.read("SELECT 1 FROM nights LIMIT 1"):
            furnish(at.state, size, now=now)
            print(f"filled in {time.time() - now:.0f} s: {(data / 'state.db').stat().st_size / 1e9:.2f} GB")
        yield at
    finally:
        at.stop()


def http(at: Daemon) -> httpx2.Client:
    """As the lab's owner."""
    token = (at.data / "token").read_text("utf-8").strip()
    return httpx2.Client(base_url=at.url, headers={"authorization": f"Bearer {token}"}, trust_env=False, timeout=120)


def p95(values: list[float]) -> float:
    """The 95th percentile, inclusive method."""
    return statistics.quantiles(values, n=20, method="inclusive")[-1]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    for name, default in (("devices", 200), ("nights", 365), ("models", 20), ("rounds", 40)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--data", type=Path, help="keep the lab here")
    parser.add_argument("--json", type=Path, help="write the figures here too")
    arguments = parser.parse_args()
    size = Size(arguments.devices, arguments.nights, arguments.models)
    with contextlib.ExitStack() as ends:
        data = arguments.data or Path(ends.enter_context(tempfile.TemporaryDirectory()))
        at = ends.enter_context(served(size, data))
        pages = addresses(at)
        times, bytes_, jumped = server_times(at, pages, arguments.rounds), sizes(at, pages), shifts(at, pages)
    print(
        f"{size.devices} devices x {size.nights} nights x {size.models} models, made up; {arguments.rounds} requests each\n"
    )
    print(f"{'page':16} {'first ms':>9} {'median ms':>10} {'p95 ms':>8} {'KB':>6} {'CLS':>6}")
    for name, found in times.items():
        size_kb = f"{bytes_[name] / 1000:.0f}" if name in bytes_ else ""
        shift = f"{jumped[name]:.3f}" if name in jumped else ""
        first, middle, late = 1000 * found[0], 1000 * statistics.median(found), 1000 * p95(found)
        print(f"{name:16} {first:9.1f} {middle:10.1f} {late:8.1f} {size_kb:>6} {shift:>6}")
    if arguments.json:
        figures = {
            n: {"first_ms": 1000 * t[0], "p95_ms": 1000 * p95(t), "cls": jumped.get(n), "bytes": bytes_.get(n)}
            for n, t in times.items()
        }
        arguments.json.write_text(json.dumps(figures, indent=2), encoding="utf-8")


if __name__ == "__main__":
    main()
