"""Retention: a pure decision, tried with whatever hypothesis makes up; and files that are used while they are to go."""

from __future__ import annotations

import os
import time
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from farm.store.artifacts import ArtifactStore
from farm.store.retention import GRACE_S, KINDS, Item, Limits, choose

NOW = 1_000_000_000.0
DAY = 86400.0
seconds_ago = st.one_of(st.floats(0, 2 * GRACE_S), st.floats(0, 400 * DAY))
items = st.lists(
    st.builds(
        lambda sha, kind, size, ago, jobs, needed: Item(sha, kind, size, NOW - ago, frozenset(jobs), needed),
        st.integers(0, 10**9).map(str),
        st.sampled_from(KINDS),
        st.integers(0, 1000),
        seconds_ago,
        st.sets(st.integers(1, 5), max_size=3),
        st.booleans(),
    ),
    unique_by=lambda item: item.sha256,
    max_size=40,
)
limits = st.builds(
    Limits,
    st.none() | st.integers(0, 5000),
    st.dictionaries(st.sampled_from(KINDS), st.floats(DAY, 300 * DAY)),
    st.none() | seconds_ago.map(lambda ago: NOW - ago),
)


def total(of: list[Item]) -> int:
    return sum(item.bytes for item in of)


@given(items, limits)
def test_what_is_needed_or_in_use_stays(there: list[Item], asked: Limits) -> None:
    gone = choose(there, asked, NOW)
    assert len({item.sha256 for item in gone}) == len(gone)
    assert not [item for item in gone if item.needed or item.used >= NOW - GRACE_S]
    if asked.running_since is not None:
        assert not [item for item in gone if item.used >= asked.running_since]


@given(items, limits)
def test_a_model_stays_as_long_as_a_capture_of_its_jobs(there: list[Item], asked: Limits) -> None:
    gone = {item.sha256 for item in choose(there, asked, NOW)}
    with_captures = {job for item in there if item.kind == "capture" and item.sha256 not in gone for job in item.jobs}
    assert not [i for i in there if i.kind == "input" and i.sha256 in gone and i.jobs & with_captures]


@given(items, limits)
def test_without_a_reason_nothing_goes(there: list[Item], asked: Limits) -> None:
    gone = choose(there, asked, NOW)
    for item in gone:
        old = item.used < NOW - asked.ages_s.get(item.kind, float("inf"))
        assert old or (asked.budget_bytes is not None and total(there) > asked.budget_bytes)
    assert choose(there, Limits(total(there)), NOW) == []


@given(items, limits)
def test_the_budget_is_kept_or_nothing_is_left_that_may_go(there: list[Item], asked: Limits) -> None:
    gone = choose(there, asked, NOW)
    kept = [item for item in there if item not in gone]
    if asked.budget_bytes is None or total(kept) <= asked.budget_bytes:
        return
    again = choose(kept, asked, NOW)
    assert again == []


@given(items, limits)
def test_captures_go_before_tensors_and_older_before_newer(there: list[Item], asked: Limits) -> None:
    gone = choose(there, Limits(asked.budget_bytes, {}, asked.running_since), NOW)
    order = [KINDS.index(item.kind) for item in gone]
    assert order == sorted(order)
    for kind in KINDS[:-1]:
        times = [item.used for item in gone if item.kind == kind]
        assert times == sorted(times)
    if not gone:
        return
    # A kind is touched only when none of those before it could go any more.
    last = KINDS.index(gone[-1].kind)
    kept = [item for item in there if item not in gone and KINDS.index(item.kind) < last]
    assert choose(kept, Limits(0, {}, asked.running_since), NOW) == []


@given(items)
def test_an_age_is_heeded_by_every_kind_on_its_own(there: list[Item]) -> None:
    gone = Counter(item.kind for item in choose(there, Limits(None, {"tensors": 30 * DAY}), NOW))
    wanted = [i for i in there if i.kind == "tensors" and not i.needed and i.used < NOW - 30 * DAY]
    assert dict(gone) == ({"tensors": len(wanted)} if wanted else {})


def test_an_artifact_that_was_used_meanwhile_stays(artifacts: ArtifactStore) -> None:
    sha256 = artifacts.put(b"once")
    old = time.time() - 10 * DAY
    os.utime(artifacts.path(sha256), (old, old))
    assert artifacts.use(sha256)
    assert not artifacts.remove(sha256, unused_since=old)
    assert artifacts.read(sha256) == b"once"
    os.utime(artifacts.path(sha256), (old, old))
    assert artifacts.remove(sha256, unused_since=old)
    assert not artifacts.has(sha256)
    assert not artifacts.use(sha256)
    assert not artifacts.remove(sha256, unused_since=old)
    assert list(artifacts.folder.glob("old-*")) == []
