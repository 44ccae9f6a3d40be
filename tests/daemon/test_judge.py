"""Nights are judged in a process of its own: the same answer, and nothing of it outlives who asked."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from farm.errors import BugError, DaemonError
from farm.queue.judge import Judge
from farm.queue.judging import Asked, judged
from farm.sections.trend import Trend
from farm.store import regressions
from farm.store.database import Reader
from farm.store.state import State
from tests.conftest import ROOT
from tests.daemon.lab import until
from tests.daemon.test_regressions import idle, noisy
from tests.trend.nights import play

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state file whose device `one` became slower by a fifth eight nights ago."""
    file = tmp_path_factory.mktemp("judged") / "state.db"
    with contextlib.closing(State(file)) as state:
        slow = noisy(10, 1, 18) + noisy(12, 2, 8)
        play(state, "nightly", {"one": slow, "two": noisy(10, 3, len(slow))}, ended=time.time())
    return file


@pytest.fixture
def deaf(tmp_path: Path) -> Path:
    """A file that whoever opens it waits for."""
    file = tmp_path / "state.db"
    os.mkfifo(file)
    return file


@pytest.fixture
def judge() -> Iterator[Judge]:
    with Judge() as judge:
        yield judge


def asked(file: Path) -> Asked:
    now = time.time()
    return Asked(file=str(file), ended=now, now=now, settings=Trend())


def never() -> bool:
    return False


def children(pid: int) -> list[int]:
    with contextlib.suppress(OSError):
        tasks = Path(f"/proc/{pid}/task").iterdir()
        return [int(child) for task in tasks for child in (task / "children").read_text().split()]
    return []


def is_judge(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return b"farm.queue.judge_worker" in Path(f"/proc/{pid}/cmdline").read_bytes()
    return False


def mine() -> list[int]:
    return [pid for pid in children(os.getpid()) if is_judge(pid)]


def test_another_process_gives_the_same_answer_time_and_again(file: Path, judge: Judge) -> None:
    question = asked(file)
    with contextlib.closing(Reader(file)) as database:
        here = judged(database, question)
    assert judge.ask(question, never) == here
    (pid,) = mine()
    assert judge.ask(question, never) == here
    assert mine() == [pid], "one process for all nights"
    assert {shift.change > 0.15 for _, shift in here.shifts} == {True}


def test_it_ends_when_it_is_no_longer_wanted(file: Path, deaf: Path) -> None:
    with Judge() as judge:
        assert judge.ask(asked(deaf), lambda: bool(mine())) is None
        assert mine() == []
    with Judge() as judge:
        assert judge.ask(asked(file), never) is not None
        assert len(mine()) == 1
    assert mine() == []


def test_its_death_is_told_and_the_next_question_is_answered(file: Path, deaf: Path, judge: Judge) -> None:
    def kill() -> bool:
        for pid in mine():
            os.kill(pid, signal.SIGKILL)
        return False

    with pytest.raises(DaemonError, match="SIGKILL"):
        judge.ask(asked(deaf), kill)
    found = judge.ask(asked(file), never)
    assert found is not None
    assert found.series == 6


def test_what_cannot_be_judged_is_reported(tmp_path: Path, file: Path, judge: Judge) -> None:
    with pytest.raises(BugError, match="a night cannot be judged: Traceback"):
        judge.ask(asked(tmp_path / "nothing"), never)
    assert judge.ask(asked(file), never) is not None


def test_it_ends_with_a_daemon_that_is_killed_while_it_judges(deaf: Path) -> None:
    program = (
        "import sys; from farm.queue.judge import Judge; from farm.queue.judging import Asked\n"
        "with Judge() as judge: judge.ask(Asked.model_validate_json(sys.argv[1]), lambda: False)"
    )
    daemon = subprocess.Popen([sys.executable, "-c", program, asked(deaf).model_dump_json()], cwd=ROOT)
    try:
        until(lambda: any(map(is_judge, children(daemon.pid))))
        (worker,) = children(daemon.pid)
    finally:
        daemon.kill()
        daemon.wait()
    until(lambda: not is_judge(worker))


def test_a_night_that_is_broken_off_is_judged_by_the_next(file: Path, tmp_path: Path) -> None:
    with contextlib.closing(State(Path(shutil.copy(file, tmp_path / "state.db")))) as state:
        first = idle(state)
        first.start()
        until(lambda: len(state.read("SELECT night FROM judged")) > 3)
        first.stop(10)
        assert mine() == []
        idle(state).look(time.time())
        assert not regressions.unjudged(state)
        assert len(regressions.find(state)) == 2
