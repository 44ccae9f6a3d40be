"""The scheduler: no device twice, nobody overtaken, nobody forgotten."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farm.errors import NoDeviceError, SelectorError
from farm.fleet.device import Device
from farm.fleet.device import State as DeviceState
from farm.queue.attempts import conclude, conclude_job
from farm.queue.planner import plan
from farm.queue.scheduler import overdue, schedule
from farm.report.document import Failure
from farm.store.rows import Lease, QueuedRun
from farm.submission import InputFrame, Submission

SERIALS = st.sampled_from(["a", "b", "c", "d"])
DEVICES = st.lists(
    st.builds(Device, SERIALS, st.sampled_from(get_args(DeviceState))), unique_by=lambda d: d.serial, max_size=4
)
QUEUED = st.lists(st.builds(QueuedRun, st.integers(1, 50), st.integers(1, 5), SERIALS), unique_by=lambda r: r.id)
LEASES = st.lists(
    st.builds(Lease, st.integers(1), st.integers(100), st.integers(1), SERIALS, st.integers(1), st.floats(0, 100)),
    unique_by=lambda x: x.serial,
)
NOW = st.floats(0, 100)


@given(QUEUED, DEVICES, LEASES, NOW)
def test_a_device_is_given_once_and_only_when_free_and_ready(
    queued: list[QueuedRun], devices: list[Device], leases: list[Lease], now: float
) -> None:
    given = schedule(queued, devices, leases, now)
    serials = [a.device.serial for a in given]
    assert len(set(serials)) == len(serials)
    assert len({a.run.id for a in given}) == len(given)
    held = {x.serial for x in leases if x.expires > now}
    for a in given:
        assert a.run in queued
        assert a.device in devices
        assert a.device.state == "device"
        assert a.run.serial == a.device.serial
        assert a.device.serial not in held


@given(QUEUED, DEVICES, LEASES, NOW)
def test_the_oldest_goes_first_and_no_free_device_idles(
    queued: list[QueuedRun], devices: list[Device], leases: list[Lease], now: float
) -> None:
    given = schedule(queued, devices, leases, now)
    order = [(a.run.job, a.run.id) for a in given]
    assert order == sorted(order)
    by_device = {a.device.serial: a.run for a in given}
    held = {x.serial for x in leases if x.expires > now}
    for device in devices:
        waiting = [r for r in queued if r.serial == device.serial]
        if device.state == "device" and device.serial not in held and waiting:
            assert by_device[device.serial] == min(waiting, key=lambda r: (r.job, r.id))


@given(QUEUED, st.lists(SERIALS, max_size=100))
def test_every_run_gets_its_turn_though_others_are_tried_again(queued: list[QueuedRun], fails: list[str]) -> None:
    devices = [Device(s, "device") for s in "abcd"]
    waiting = list(queued)
    for step in range(len(queued) + len(fails)):
        given = schedule(waiting, devices, [], 0.0)
        if not given:
            break
        failing = fails[step] if step < len(fails) else ""
        waiting = [r for r in waiting if r not in [a.run for a in given if a.device.serial != failing]]
    assert waiting == []


@given(QUEUED, DEVICES, NOW)
def test_scheduling_does_not_depend_on_the_order_it_is_told_in(
    queued: list[QueuedRun], devices: list[Device], now: float
) -> None:
    assert schedule(queued, devices, [], now) == schedule(queued[::-1], devices[::-1], [], now)


def test_a_run_is_overdue_when_its_device_was_away_for_so_long() -> None:
    runs = [QueuedRun(1, 1, "a"), QueuedRun(2, 1, "b")]
    assert overdue(runs, {"a": 10.0}, 15.0, 5.0) == runs[:1]
    assert overdue(runs, {"a": 10.0}, 14.9, 5.0) == []
    assert overdue(runs, {}, 1e9, 5.0) == []


ASKED = Submission(
    model_name="m", model_sha256="0" * 64, frames=(InputFrame(name="f", kind="image", sha256=("0" * 64,)),)
)


def test_a_job_gets_a_run_for_each_ready_device_that_matches() -> None:
    devices = [
        Device("a", "device", {"ro.product.cpu.abi": "x86_64"}),
        Device("b", "offline"),
        Device("c", "device", {"ro.product.cpu.abi": "arm64-v8a"}),
    ]
    assert [t.serial for t in plan(ASKED, devices)] == ["a", "c"]
    chosen = replace(devices[2])
    assert [t.abi for t in plan(ASKED.model_copy(update={"selector": "abi=arm64-v8a"}), devices)] == [chosen.abi]
    with pytest.raises(SelectorError):
        plan(ASKED.model_copy(update={"selector": "abi=mips"}), devices)


@pytest.mark.parametrize("devices", [[], [Device("a", "unauthorized")]])
def test_without_a_ready_device_the_remedy_says_what_to_do(devices: list[Device]) -> None:
    with pytest.raises(NoDeviceError) as e:
        plan(ASKED, devices)
    assert "farm virtual up" in e.value.remedy
    assert all(d.serial in e.value.message for d in devices)


@pytest.mark.parametrize(
    ("kind", "attempt", "canceled", "status"),
    [
        ("infrastructure", 1, False, "queued"),
        ("infrastructure", 2, False, "failed"),
        ("infrastructure", 1, True, "canceled"),
        ("job", 1, False, "failed"),
        ("bug", 1, False, "failed"),
        (None, 1, True, "done"),
    ],
)
def test_only_the_labs_errors_are_tried_again(kind: str | None, attempt: int, canceled: bool, status: str) -> None:
    error = Failure(kind=kind, code="x", message="m") if kind else None
    assert conclude(error, attempt, 2, canceled=canceled) == status


def test_a_job_is_as_good_as_its_worst_run() -> None:
    assert conclude_job(["done", "done"]) == "done"
    assert conclude_job(["done", "failed"]) == "failed"
    assert conclude_job(["done", "failed", "canceled"]) == "canceled"
