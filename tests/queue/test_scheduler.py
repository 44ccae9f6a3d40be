"""The scheduler: no device twice, nobody overtaken, nobody forgotten."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farm.errors import NoDeviceError, QuotaError, SelectorError
from farm.fleet.device import Condition, Device, Standing
from farm.fleet.device import State as DeviceState
from farm.queue import quota
from farm.queue.attempts import back_off, conclude, conclude_job
from farm.queue.planner import plan
from farm.queue.scheduler import PRIORITY_S, Policy, Queue, overdue, schedule
from farm.report.document import Failure
from farm.settings import User
from farm.store.rows import Lease, QueuedRun
from farm.submission import InputFrame, Submission, Terms, Variant

SERIALS = st.sampled_from(["a", "b", "c", "d"])
USERS = st.sampled_from(["ann", "bob", "eve"])
CONDITIONS = st.sampled_from([None, *map(Standing, get_args(Condition))])
DEVICES = st.lists(
    st.builds(
        Device,
        SERIALS,
        st.sampled_from(["device", "device", *get_args(DeviceState)]),
        pool=st.sampled_from(["", "nightly"]),
        holder=st.sampled_from(["", "", "ann"]),
        standing=CONDITIONS,
    ),
    unique_by=lambda d: d.serial,
    max_size=4,
)
QUEUED = st.lists(
    st.builds(
        QueuedRun,
        st.integers(1, 50),
        st.integers(1, 5),
        st.one_of(SERIALS, st.just("")),
        USERS,
        st.integers(-2, 2),
        st.floats(0, 10_000),
        st.sampled_from([0.0, 0.0, 500.0]),
        blocked=st.sampled_from([False, False, True]),
        selector=st.sampled_from(["", "pool=nightly"]),
        avoid=st.frozensets(SERIALS, max_size=2),
        taken=st.frozensets(SERIALS, max_size=1),
    ),
    unique_by=lambda r: r.id,
    max_size=40,
)
LEASES = st.lists(
    st.builds(Lease, st.integers(1), st.integers(100), st.integers(1), SERIALS, st.integers(1), st.floats(0, 100)),
    unique_by=lambda x: x.serial,
)
NOW = st.floats(0, 100)
POLICIES = st.builds(
    Policy,
    st.floats(0, 10),
    st.dictionaries(USERS, st.floats(0, 10_000)),
    st.dictionaries(USERS, st.integers(0, 3)),
    st.dictionaries(USERS, st.integers(1, 4)),
    st.dictionaries(USERS, st.floats(0.5, 4)),
)
UNIX = st.sampled_from([0.0, 1000.0])


def may_go(run: QueuedRun, unix: float) -> bool:
    return not run.blocked and run.not_before <= unix


def takes(run: QueuedRun, device: Device) -> bool:
    fits = not run.selector or device.pool == "nightly"
    where = run.serial == device.serial if run.serial else fits and device.serial not in run.taken
    return where and device.holder in {"", run.user}


@given(QUEUED, DEVICES, LEASES, NOW, UNIX, POLICIES)
def test_a_device_is_given_once_to_a_run_that_may_have_it(
    queued: list[QueuedRun], devices: list[Device], leases: list[Lease], now: float, unix: float, policy: Policy
) -> None:
    given = schedule(Queue.of(queued), devices, leases, now, unix=unix, policy=policy)
    serials = [a.device.serial for a in given]
    assert len(set(serials)) == len(serials)
    assert len({a.run.id for a in given}) == len(given)
    held = {x.serial for x in leases if x.expires > now}
    for a in given:
        assert a.run in queued
        assert a.device in devices
        assert a.device.ready
        assert a.device.serial not in held
        assert may_go(a.run, unix)
        assert takes(a.run, a.device)
    for user, most in policy.most.items():
        mine = sum(a.run.user == user for a in given)
        assert mine == 0 or policy.running.get(user, 0) + mine <= most


@given(QUEUED, DEVICES, LEASES, NOW, UNIX)
def test_no_free_device_idles_while_a_run_could_have_it(
    queued: list[QueuedRun], devices: list[Device], leases: list[Lease], now: float, unix: float
) -> None:
    given = schedule(Queue.of(queued), devices, leases, now, unix=unix)
    busy = {x.serial for x in leases if x.expires > now} | {a.device.serial for a in given}
    left = [r for r in queued if may_go(r, unix) and r not in [a.run for a in given]]
    for device in devices:
        if device.ready and device.serial not in busy:
            # One that failed there waits for another device as long as there is one that matches, busy or not.
            assert not [r for r in left if takes(r, device) and device.serial not in r.avoid]


@given(QUEUED, DEVICES, UNIX, POLICIES)
def test_of_one_users_runs_for_one_device_the_first_in_line_goes(
    queued: list[QueuedRun], devices: list[Device], unix: float, policy: Policy
) -> None:
    for a in schedule(Queue.of(queued), devices, [], 0.0, unix=unix, policy=policy):
        rivals = [
            r
            for r in queued
            if may_go(r, unix) and (r.user, r.serial) == (a.run.user, a.device.serial) and a.run.serial
        ]
        assert not rivals or a.run == min(rivals, key=lambda r: (r.submitted - PRIORITY_S * r.priority, r.id))


@given(QUEUED, DEVICES, NOW, UNIX, POLICIES)
def test_scheduling_does_not_depend_on_the_order_it_is_told_in(
    queued: list[QueuedRun], devices: list[Device], now: float, unix: float, policy: Policy
) -> None:
    one = schedule(Queue.of(queued), devices, [], now, unix=unix, policy=policy)
    assert one == schedule(Queue.of(queued[::-1]), devices[::-1], [], now, unix=unix, policy=policy)


@given(
    st.lists(st.tuples(USERS, st.integers(-1, 3)), min_size=1, max_size=5),
    st.floats(0, 2),
    st.integers(-3, 3),
)
def test_nothing_starves_though_newer_and_more_urgent_runs_keep_coming(
    rivals: list[tuple[str, int]], fairness: float, priority: int
) -> None:
    length = 600.0
    patient = QueuedRun(0, 1, "a", "ann", priority, 0.0)
    queued: list[QueuedRun] = [patient]
    used: dict[str, float] = defaultdict(float)
    device, clock, ids = [Device("a", "device")], 0.0, iter(range(1, 10_000))
    for _ in range(400):
        user, more = rivals[int(clock / length) % len(rivals)]
        queued.append(QueuedRun(next(ids), 2, "a", user, more, clock))
        (chosen,) = schedule(Queue.of(queued), device, [], 0.0, unix=clock, policy=Policy(fairness, used))
        if chosen.run == patient:
            return
        queued.remove(chosen.run)
        used[chosen.run.user] += length
        clock += length
    raise AssertionError("it waited for ever")


@given(st.integers(1, 30), st.integers(1, 4))
def test_device_time_is_divided_by_share(later: int, share: int) -> None:
    """Ann came first with many; whoever comes later catches up, and then gets the share they have."""
    queued = [QueuedRun(i, 1, "a", "ann", 0, 0.0) for i in range(500)]
    queued += [QueuedRun(1000 + i, 2, "a", "bob", 0, float(later)) for i in range(500)]
    used = {"ann": 6000.0, "bob": 6000.0 * share}
    for _ in range(100):
        policy = Policy(1.0, used, share={"bob": float(share)})
        (chosen,) = schedule(Queue.of(queued), [Device("a", "device")], [], 0.0, policy=policy)
        queued.remove(chosen.run)
        used[chosen.run.user] += 60.0
    had = (used["bob"] - 6000.0 * share) / 60
    assert had == pytest.approx(100 * share / (1 + share), abs=3)


def test_a_more_urgent_run_overtakes_up_to_an_hour_a_step() -> None:
    device = [Device("a", "device")]
    old = QueuedRun(1, 1, "a", "ann", 0, 0.0)
    for submitted, first in ((3599.0, 2), (3601.0, 1)):
        urgent = QueuedRun(2, 2, "a", "ann", 1, submitted)
        assert [a.run.id for a in schedule(Queue.of([old, urgent]), device, [], 0.0)] == [first]


def test_a_run_for_any_device_avoids_those_where_it_failed() -> None:
    devices = [Device("a", "device"), Device("b", "device")]
    run = QueuedRun(1, 1, "", avoid=frozenset("a"))
    assert [a.device.serial for a in schedule(Queue.of([run]), devices, [], 0.0)] == ["b"]
    held = [Lease(1, 2, 2, "b", 1, 10.0)]
    assert schedule(Queue.of([run]), devices, held, 0.0) == [], "b will come free"
    assert [a.device.serial for a in schedule(Queue.of([run]), devices[:1], [], 0.0)] == ["a"], "there is no other"


def test_a_run_is_overdue_when_its_device_was_away_for_so_long() -> None:
    runs = [QueuedRun(1, 1, "a"), QueuedRun(2, 1, "b")]
    assert overdue(runs, {"a": 10.0}, 15.0, 5.0) == runs[:1]
    assert overdue(runs, {"a": 10.0}, 14.9, 5.0) == []
    assert overdue(runs, {}, 1e9, 5.0) == []


def test_a_matrix_is_every_configuration_on_every_device_so_many_times() -> None:
    variants = (Variant(name="one", threads=1), Variant(name="two", threads=2))
    asked = ASKED.model_copy(update={"variants": variants, "terms": Terms(times=2)})
    devices = [Device("a", "device"), Device("b", "device"), Device("c", "offline")]
    made = plan(asked, devices)
    assert [(p.target and p.target.serial, p.repetition, p.variant) for p in made] == [
        (serial, repetition, variant) for serial in "ab" for repetition in range(2) for variant in range(2)
    ]
    assert len({p.fingerprint for p in made}) == len(made)
    again = plan(asked.model_copy(update={"inputs": "elsewhere", "terms": Terms(times=2, priority=9)}), devices)
    assert [p.fingerprint for p in again] == [p.fingerprint for p in made], "who asks, and when, changes no figure"
    fresh = plan(asked.model_copy(update={"terms": Terms(fresh=True)}), devices)
    assert {p.fingerprint for p in fresh} == {""}
    pair = plan(asked.model_copy(update={"terms": Terms(pair=True)}), devices)
    assert [(p.target and p.target.serial, p.variant) for p in pair] == [("a", 0), ("b", 0)]
    anywhere = plan(asked.model_copy(update={"terms": Terms(devices=1)}), devices)
    assert [(p.target, p.variant, p.fingerprint) for p in anywhere] == [(None, 0, ""), (None, 1, "")]
    with pytest.raises(SelectorError, match="3 devices are asked for, and 2 match"):
        plan(asked.model_copy(update={"terms": Terms(devices=3)}), devices)


def test_a_user_has_as_many_runs_as_farm_toml_allows() -> None:
    users = (User(name="ann", runs=10),)
    quota.check(users, "ann", 8, 2)
    quota.check(users, "bob", 1000, 1000)
    with pytest.raises(QuotaError, match="8 runs that are not over; 3 more"):
        quota.check(users, "ann", 8, 3)


@given(st.integers(1, 1000), st.floats(0.001, 100))
def test_back_off_doubles_up_to_an_hour(attempt: int, retry_s: float) -> None:
    assert back_off(1, retry_s) == retry_s
    assert back_off(attempt + 1, retry_s) == min(3600.0, 2 * back_off(attempt, retry_s))


ASKED = Submission(
    model_name="m", model_sha256="0" * 64, frames=(InputFrame(name="f", kind="image", sha256=("0" * 64,)),)
)


def test_a_job_gets_a_run_for_each_ready_device_that_matches() -> None:
    devices = [
        Device("a", "device", {"ro.product.cpu.abi": "x86_64"}),
        Device("b", "offline"),
        Device("c", "device", {"ro.product.cpu.abi": "arm64-v8a"}),
    ]
    assert [p.target and p.target.serial for p in plan(ASKED, devices)] == ["a", "c"]
    chosen = replace(devices[2])
    arm = plan(ASKED.model_copy(update={"selector": "abi=arm64-v8a"}), devices)
    assert [p.target and p.target.abi for p in arm] == [chosen.abi]
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
