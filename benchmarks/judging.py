"""How long does REST take while a night's series are judged, in the process of their own and, beside it, in the daemon's?

A state file is filled with devices, nights and runs that were made up (benchmarks/pages_lab.py) and served by a real daemon.
Its last night counts as not judged; a program of its own asks for the list of jobs, again and again, while nothing is judged,
while the night is judged as the daemon does it, and while a thread of the daemon judges it.

    python -m benchmarks.judging [--devices 50] [--nights 120] [--models 10] [--data FOLDER]

`--data` keeps the lab: filling it takes a while.
"""

from __future__ import annotations

import argparse
import multiprocessing
import statistics
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import httpx2

from benchmarks.pages import p95, served
from benchmarks.pages_lab import Size
from farm.queue.judging import Asked, judged

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.connection import Connection
    from multiprocessing.synchronize import Event

    from farm.daemon import Daemon

PATH = "/api/jobs?limit=20"
IDLE_S = 5.0
PAUSE_S = 0.01


def ask(url: str, token: str, over: Event, tell: Connection) -> None:
    """Seconds of each request until it is over."""
    found = []
    with httpx2.Client(
        base_url=url, headers={"authorization": f"Bearer {token}"}, trust_env=False, timeout=600
    ) as client:
        client.get(PATH)
        tell.send(None)
        while not over.is_set():
            began = time.perf_counter()
            client.get(PATH).raise_for_status()
            found.append(time.perf_counter() - began)
            time.sleep(PAUSE_S)
    tell.send(found)


def beside(at: Daemon, work: Callable[[], object]) -> tuple[float, list[float]]:
    """Seconds of the work, and of each request beside it."""
    spawn = multiprocessing.get_context("spawn")
    over, (told, tell) = spawn.Event(), spawn.Pipe(duplex=False)
    asker = spawn.Process(target=ask, args=(at.url, (at.data / "token").read_text().strip(), over, tell))
    asker.start()
    told.recv()
    began = time.perf_counter()
    working = threading.Thread(target=work)
    working.start()
    working.join()
    spent = time.perf_counter() - began
    over.set()
    found: list[float] = told.recv()
    asker.join()
    return spent, found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--devices", type=int, default=50)
    parser.add_argument("--nights", type=int, default=120)
    parser.add_argument("--models", type=int, default=10)
    parser.add_argument("--data", type=Path)
    args = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        served(Size(args.devices, args.nights, args.models), args.data or Path(folder)) as at,
    ):
        ((night, ended),) = at.state.read("SELECT id, ended FROM nights ORDER BY id DESC LIMIT 1")
        with at.state.write() as db:
            db.execute("INSERT OR IGNORE INTO judged (night, at, series) SELECT id, ended, 0 FROM nights")
        question = Asked(file=str(at.state.file), ended=ended, now=time.time(), settings=at.settings.trend)

        def look() -> None:
            with at.state.write() as db:
                db.execute("DELETE FROM judged WHERE night = ?", (night,))
            at.regressions.look(time.time())

        for name, work in (
            ("nothing", lambda: time.sleep(IDLE_S)),
            ("a process of its own", look),
            ("a thread of the daemon", lambda: judged(at.state, question)),
        ):
            spent, found = beside(at, work)
            print(
                f"{name:24} {spent:6.1f} s, {len(found):5} requests: median {1e3 * statistics.median(found):7.1f} ms,"
                f" p95 {1e3 * p95(found):7.1f} ms, longest {1e3 * max(found):7.1f} ms"
            )
        (series,) = at.state.read("SELECT series FROM judged WHERE night = ?", night)[0]
        print(f"{series} series")


if __name__ == "__main__":
    main()
