"""The sentinel: who is due, and what a device's nights say."""

from __future__ import annotations

from datetime import datetime, time, timedelta, timezone
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farm.fleet.device import Device
from farm.queue.planner import target_of
from farm.queue.sentinel import Sentinel, due, golden, judge
from farm.report.document import Accuracy, Latency, Run
from farm.run import preflight
from farm.store import sentinels
from farm.store.sentinels import Night
from farm.store.state import State

if TYPE_CHECKING:
    from pathlib import Path

    from farm.report.document import Target
    from farm.store.artifacts import ArtifactStore

ZONE = timezone(timedelta(hours=2))
NIGHT = time(3, 30)
NOON = datetime(2026, 5, 4, 12, tzinfo=ZONE)
LAST_NIGHT = NOON.replace(hour=3, minute=30).timestamp()
PHONE = Device("a", "device")


@pytest.mark.parametrize(
    ("last", "started", "is_due"),
    [
        ({}, LAST_NIGHT - 60, True),
        ({}, LAST_NIGHT + 60, False),  # a new lab waits for its first night
        ({"a": LAST_NIGHT - 60}, LAST_NIGHT + 60, True),  # catches up after downtime
        ({"a": LAST_NIGHT + 60}, LAST_NIGHT - 60, False),
    ],
)
def test_a_device_is_due_once_after_each_night(last: dict[str, float], started: float, is_due: bool) -> None:
    assert due([PHONE, Device("b", "offline")], last, started, NOON, NIGHT) == ([PHONE] if is_due else [])


@given(st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1)), st.times(), st.integers(1, 200))
def test_looking_every_hour_runs_once_a_day(begin: datetime, at: time, hours: int) -> None:
    at = at.replace(second=0, microsecond=0)
    now = begin.replace(tzinfo=ZONE)
    last: dict[str, float] = {}
    runs = 0
    for hour in range(hours):
        look = now + timedelta(hours=hour)
        if due([PHONE], last, now.timestamp(), look, at):
            last["a"] = look.timestamp()
            runs += 1
    passed = sum(
        now < datetime.combine((now + timedelta(days=d)).date(), at, ZONE) <= now + timedelta(hours=hours - 1)
        for d in range(hours // 24 + 2)
    )
    assert runs == passed


def night(median_ms: float, top1: float = 0.9, runtime: str = "r1") -> Night:
    return Night("a", 0.0, median_ms, top1, str(top1), runtime)


@pytest.mark.parametrize(
    ("nights", "word"),
    [
        ([night(10), night(10), night(10)], "too few nights"),
        ([night(10), night(10.2), night(9.9), night(10.1)], "steady"),
        ([night(10), night(10.2), night(9.9), night(13)], "slower"),
        ([night(10), night(10.2), night(9.9), night(7)], "faster"),
        ([night(10), night(14), night(6), night(12.5)], "steady"),  # it was never steadier than that
        ([night(10), night(10), night(10), night(10, top1=0.8)], "answers differ"),
        ([night(10), night(10), night(10), night(20, runtime="r2")], "too few nights"),  # another runtime, another line
    ],
)
def test_a_device_is_compared_with_itself(nights: list[Night], word: str) -> None:
    assert judge(nights).word == word


def test_the_golden_model_is_a_submission_like_any_other(artifacts: ArtifactStore) -> None:
    preflight.check(golden(artifacts), artifacts)


def test_nights_are_kept_by_device_and_read_back(tmp_path: Path, artifacts: ArtifactStore) -> None:
    state = State(tmp_path / "state.db")
    told: list[int] = []
    room = Sentinel(
        NIGHT, state, artifacts, devices=lambda: [PHONE], queued=told.append, report_bug=lambda _name, text: text
    )
    for median in (10.0, 10.0, 10.0, 15.0):
        job = room.run()
        (run,) = state.queued()
        lease = state.claim(run.id, run_target(), 1.0)
        assert lease is not None
        accuracy = Accuracy(n=1, top1=1.0, top5=None, top1_interval=(0, 1))
        figures = Latency(median=median, p90=median, n=1, interval=(median, median))
        state.finish(
            lease.token, Run(id=run.id, target=run_target(), status="done", latency_ms=figures, accuracy=accuracy)
        )
        assert told[-1] == job
    (watch,) = room.watches()
    assert (watch.serial, watch.word, watch.nights, watch.baseline_ms) == ("a", "slower", 4, 10.0)
    assert sentinels.last(state)["a"] > 0
    assert room.look(datetime.now(ZONE)) is None, "it ran a moment ago"
    state.close()


def run_target() -> Target:
    return target_of(PHONE)
