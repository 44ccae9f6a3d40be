"""A daemon that is killed while its clock fires: a due time has one night, and a night one job."""

from __future__ import annotations

import contextlib
import os
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from farm.store import nights, sqlite
from farm.store.integrity import check
from farm.store.state import State
from tests.daemon.lab import until
from tests.schedule.lab import due, schedule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from farm.schedule.schedule import Night

ROOT = Path(__file__).parents[2]
ROUNDS, EACH = 12, 12


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def processes() -> Iterator[list[subprocess.Popen[str]]]:
    started: list[subprocess.Popen[str]] = []
    yield started
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


def free_port() -> str:
    import socket

    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return str(s.getsockname()[1])


def serve(data: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.schedule.lab", str(data), free_port()]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=environment, cwd=ROOT
    )


@pytest.mark.slow
def test_no_night_is_lost_and_none_is_submitted_twice(data: Path, processes: list[subprocess.Popen[str]]) -> None:
    data.mkdir()
    dice = random.Random(7)  # noqa: S311  # moments to strike at, no secrets
    torn = made = 0
    for turn in range(ROUNDS):
        state = State(data / "state.db")
        for number in range(EACH):
            due(state, schedule(f"s{turn}-{number}"))
        state.close()
        process = serve(data)
        processes.append(process)
        watch(data, made)
        time.sleep(dice.uniform(0, 0.15))  # somewhere on its way through them
        process.kill()
        process.wait()
        state = State(data / "state.db")
        made = len(nights.nights(state, limit=1000))
        torn += bool(nights.waiting(state)) or made < (turn + 1) * EACH
        state.close()
    assert torn, "no kill struck between the first and the last of a round: nothing was tried"
    processes.append(serve(data))
    state = State(data / "state.db")
    until(lambda: len(found := nights.nights(state, limit=1000)) == ROUNDS * EACH and not open_of(found))
    all_of_them = nights.nights(state, limit=1000)
    assert {night.schedule for night in all_of_them} == {f"s{turn}-{n}" for turn in range(ROUNDS) for n in range(EACH)}
    assert {(night.status, len(night.jobs), night.missed) for night in all_of_them} == {("over", 1, 0)}
    (count,) = state.read("SELECT count(*) AS jobs, count(DISTINCT night) AS nights FROM jobs")
    assert tuple(count) == (ROUNDS * EACH, ROUNDS * EACH)
    state.close()
    assert check(data, hashes=False).problems == ()


def watch(data: Path, made: int) -> None:
    """Until there is another night than those made before."""
    with contextlib.closing(sqlite.connect(data / "state.db", read_only=True)) as db:
        until(lambda: db.execute("SELECT count(*) FROM nights").fetchone()[0] > made)


def open_of(found: list[Night]) -> list[Night]:
    return [night for night in found if night.status == "open"]
