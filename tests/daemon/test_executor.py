"""The executor contract, over every implementation."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from farm.errors import AdbError, FarmError
from farm.executor.contract import CanceledError, Executor, StoppingError
from farm.executor.local import LocalExecutor
from farm.report.document import Run
from farm.run.work import BrokenOffError, Perform, Work
from tests.daemon.lab import Bench, submission, until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from farm.executor.contract import Listener
    from farm.run.work import Progress

    Make = Callable[[Perform, Listener], Executor]


class Heard:
    """What an executor told."""

    def __init__(self) -> None:
        self.ends: list[tuple[Work, Run, FarmError | None]] = []
        self.progressed: list[tuple[str, int, int]] = []
        self.beats = 0

    def progress(self, work: Work, stage: str, done: int, of: int) -> None:
        self.progressed.append((stage, done, of))

    def beat(self, work: Work) -> None:
        self.beats += 1

    def ended(self, work: Work, result: Run, error: FarmError | None) -> None:
        self.ends.append((work, result, error))


@pytest.fixture(params=[LocalExecutor])
def make(request: pytest.FixtureRequest) -> Iterator[Make]:
    made: list[Executor] = []

    def build(perform: Perform, listener: Listener) -> Executor:
        made.append(request.param(perform, listener, lambda name, _text: f"bugs/{name}"))
        return made[-1]

    yield build
    for executor in made:
        executor.stop(5)


def work(token: int = 1) -> Work:
    return Work(7, 1, token, submission(), Bench("one").attached[0])


def partial(of: Work) -> Run:
    return Run(id=of.run_id, target=None, status="done", pushed_bytes=9)


def forever(of: Work, progress: Progress, check: Callable[[], None]) -> Run:
    while True:
        check()
        threading.Event().wait(0.01)


def test_a_result_is_told_once_with_progress_and_signs_of_life(make: Make) -> None:
    def perform(of: Work, progress: Progress, check: Callable[[], None]) -> Run:
        progress("stage", 1, 2)
        check()
        return partial(of)

    heard = Heard()
    make(perform, heard).start(work())
    until(lambda: heard.ends)
    assert [(w.token, r, e) for w, r, e in heard.ends] == [(1, partial(work()), None)]
    assert (heard.progressed, heard.beats) == ([("stage", 1, 2)], 1)


@pytest.mark.parametrize(
    ("raised", "kind", "pushed"),
    [
        (AdbError("gone"), "infrastructure", 0),
        (BrokenOffError(AdbError("gone"), partial(work())), "infrastructure", 9),
        (ZeroDivisionError("oops"), "bug", 0),
    ],
)
def test_whatever_is_raised_is_told_as_a_farm_error(make: Make, raised: Exception, kind: str, pushed: int) -> None:
    def perform(of: Work, progress: Progress, check: Callable[[], None]) -> Run:
        raise raised

    heard = Heard()
    make(perform, heard).start(work())
    until(lambda: heard.ends)
    ((_, result, error),) = heard.ends
    assert error is not None
    assert (error.kind, result.pushed_bytes) == (kind, pushed)
    if kind == "bug":
        assert error.where == "bugs/run-7-1"


def test_an_interrupt_reaches_its_own_work_only_and_the_first_reason_stays(make: Make) -> None:
    heard = Heard()
    executor = make(forever, heard)
    executor.start(work(1))
    executor.start(work(2))
    executor.interrupt(1, CanceledError("first"))
    executor.interrupt(1, CanceledError("second"))
    executor.interrupt(99, CanceledError("nobody"))
    until(lambda: heard.ends)
    assert [(w.token, str(e)) for w, _, e in heard.ends] == [(1, "first")]


def test_a_listener_that_refuses_the_beat_ends_the_work(make: Make) -> None:
    class Refusing(Heard):
        def beat(self, work: Work) -> None:
            raise AdbError("refused")

    heard = Refusing()
    make(forever, heard).start(work())
    until(lambda: heard.ends)
    assert str(heard.ends[0][2]) == "refused"


def test_stop_ends_what_listens_and_names_what_does_not(make: Make) -> None:
    free = threading.Event()

    def perform(of: Work, progress: Progress, check: Callable[[], None]) -> Run:
        if of.token == 2:
            free.wait(30)
            return partial(of)
        return forever(of, progress, check)

    heard = Heard()
    executor = make(perform, heard)
    executor.start(work(1))
    executor.start(work(2))
    until(lambda: heard.beats)
    assert [w.token for w in executor.stop(0.3)] == [2]
    free.set()
    assert [w.token for w, _, _ in heard.ends] == [1]
    assert isinstance(heard.ends[0][2], StoppingError)
    with pytest.raises(StoppingError):
        executor.start(work(3))
    assert executor.stop(0) == ()
    assert len(heard.ends) == 1, "a work given up is not told any more"
