"""Threads that live as long as their daemon, whatever their steps raise."""

from __future__ import annotations

import threading

from farm.errors import StorageError
from farm.loop import Loop
from tests.daemon.lab import until


def test_a_step_that_fails_is_told_and_the_next_one_is_taken() -> None:
    told: list[tuple[str, str]] = []
    raised = iter([StorageError("full", remedy="free some"), ZeroDivisionError("oops")])
    steps: list[int] = []

    def step() -> None:
        steps.append(1)
        error = next(raised, None)
        if error is not None:
            raise error

    loop = Loop("sweeper", step, 0.01, lambda name, text: told.append((name, text)))
    loop.start()
    loop.start()
    until(lambda: len(steps) >= 4)
    loop.stop(60)
    assert [name for name, _ in told] == ["sweeper", "sweeper"]
    assert told[0][1] == "full\nfree some"
    assert "ZeroDivisionError: oops" in told[1][1]
    taken = len(steps)
    loop.wake()
    assert len(steps) == taken, "it has ended"


def test_who_sleeps_long_is_woken_and_stopped_at_once() -> None:
    steps = threading.Semaphore(0)
    loop = Loop("sleeper", steps.release, 3600.0, lambda _name, text: text, first_s=3600.0)
    loop.start()
    for _ in range(3):
        loop.wake()
        assert steps.acquire(timeout=60)
    loop.stop(60)
    assert loop.stopping
    assert not any(thread.name == "sleeper" for thread in threading.enumerate())


def test_one_that_never_began_can_be_stopped() -> None:
    loop = Loop("idle", lambda: None, 1.0, lambda _name, text: text)
    loop.stop(1)
    assert not loop.started
