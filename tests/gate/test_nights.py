"""Gates after nights, in a real daemon: each night is asked about once, whatever happens in between."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

import pytest
from pydantic import ValidationError

from farm.errors import GateError, StorageError
from farm.queue.night_gates import BACK_S, NightGates
from farm.store import gate_checks, nights
from tests.daemon.lab import until
from tests.gate.lab import GateLab, Manner, gate
from tests.schedule.lab import schedule

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from farm.gate.answer import GateAnswer

GATES = (
    gate("all", "top1 > 0.5", schedules=["nightly"]),
    gate("compared", "accuracy(new) - accuracy(old) > -0.1 +/- 0.05", schedules=["nightly"]),
    gate("other", "top1 > 0.5", models=["another*"], schedules=["nightly", "hourly"]),
    gate("asked", "top1 > 0.5"),
)


@pytest.fixture
def at(tmp_path: Path) -> Iterator[GateLab]:
    with GateLab(tmp_path / "data", GATES).started() as found:
        found.daemon.schedules.add(schedule(), found.asked("m"))
        yield found


def night(at: GateLab, manner: Manner, name: str = "nightly") -> int:
    """A night of a schedule whose model does so; its job, once it is over."""
    at.manners["m"] = manner
    made = at.daemon.schedules.run_now(name, None)
    until(lambda: (found := nights.night(at.daemon.state, made.id)) is not None and found.status == "over")
    (job,) = at.daemon.schedules.night(made.id).jobs
    return job


def checks(at: GateLab, name: str) -> list[GateAnswer]:
    return at.daemon.gates.history(name, 100)


def look(at: GateLab) -> None:
    """As the daemon's own thread does, which may look at the same moment."""
    desk = at.daemon.gates
    made = NightGates(GATES, at.daemon.state, check=desk.after_night, report_bug=at.daemon.report_bug)
    made.look(time.time())


def test_a_night_that_is_over_is_checked_once(at: GateLab) -> None:
    first = night(at, Manner(wrong=20))
    look(at)
    look(at)
    assert [(one.job, one.outcome, one.user) for one in checks(at, "all")] == [(first, "pass", "nightly")]
    (alone,) = checks(at, "compared")
    assert alone.outcome == "undecided"
    assert "no earlier job passed" in alone.summary
    (unasked,) = checks(at, "other")
    assert (unasked.outcome, unasked.cells) == ("undecided", ())
    assert "none of its runs is of this gate" in unasked.summary
    assert not checks(at, "asked"), "it names no schedule"
    worse = night(at, Manner(wrong=150))
    look(at)
    assert [(one.job, one.outcome) for one in checks(at, "all")] == [(worse, "fail"), (first, "pass")]


def test_what_somebody_asked_before_is_the_nights_own_check(at: GateLab) -> None:
    at.daemon.night_gates.stop(10)
    job = night(at, Manner())
    mine = at.check("all", job)
    for _ in range(2):
        look(at)
    assert [one.id for one in checks(at, "all")] == [mine.id]
    assert not gate_checks.due(at.daemon.state, "all", ["nightly"], 0.0)


def test_a_check_against_something_else_is_another_one(at: GateLab) -> None:
    first = night(at, Manner())
    look(at)
    at.daemon.night_gates.stop(10)
    job = night(at, Manner())
    assert at.check("compared", job, against=str(first)).outcome == "pass"
    look(at)
    ours, theirs = checks(at, "compared")[:2]
    assert (ours.job, ours.user, theirs.job) == (job, "nightly", job)
    assert theirs.user != "nightly"


def test_nights_that_ended_unseen_are_checked_by_the_next_daemon(tmp_path: Path) -> None:
    later = GateLab(tmp_path / "data", ())
    with later.started():
        later.daemon.schedules.add(schedule(), later.asked("m"))
        _, last = night(later, Manner()), night(later, Manner())
    with GateLab(tmp_path / "data", GATES).started() as at:
        until(lambda: checks(at, "all"))
        assert [one.job for one in checks(at, "all")] == [last], "a new gate begins with the last night"
    with contextlib.ExitStack() as ends:
        without = GateLab(tmp_path / "data", ())
        ends.enter_context(without.started())
        more = [night(without, Manner()) for _ in range(2)]
    with GateLab(tmp_path / "data", GATES).started() as at:
        until(lambda: len(checks(at, "all")) == 3)
        assert [one.job for one in checks(at, "all")] == [*reversed(more), last]
        assert not gate_checks.due(at.daemon.state, "all", ["nightly"], time.time() - BACK_S)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (GateError("it is queued", where="job 1", remedy="wait"), "job 1: it is queued; wait"),
        (ZeroDivisionError("oops"), "an error of the farm's own"),
        (StorageError("no room"), ""),
    ],
)
def test_a_check_that_breaks_is_told_and_holds_nothing_up(at: GateLab, error: Exception, told: str) -> None:
    at.daemon.night_gates.stop(10)
    night(at, Manner())
    asked, bugs = [], list[str]()

    def check(name: str, job: int) -> None:
        asked.append(name)
        raise error

    def report(name: str, text: str) -> str:
        bugs.append(text)
        return f"{name}.txt"

    made = NightGates(GATES, at.daemon.state, check=check, report_bug=report)
    made.look(time.time())
    made.look(time.time())
    assert {"all", "compared"} <= set(asked)
    if told:
        assert asked.count("all") == 1
        (answer,) = checks(at, "all")
        assert (answer.outcome, answer.cells) == ("undecided", ())
        assert told in answer.summary
    else:
        assert asked.count("all") == 2, "there may be room by then"
        assert not checks(at, "all")
    assert bool(bugs) is not isinstance(error, GateError)


def test_schedules_are_names() -> None:
    with pytest.raises(ValidationError, match="schedules"):
        gate("g", "top1 > 0.5", schedules=["<b>"])
