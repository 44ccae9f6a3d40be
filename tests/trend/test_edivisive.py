"""Change points: against the definition, and on levels that are known."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from farm.trend.edivisive import _of_all, _of_counts, _parted, divide, midranks, newest

Array = np.ndarray[Any, Any]


def energy(x: Array, y: Array) -> float:
    """As Matteson and James write it."""
    a, b = len(x), len(y)
    across = 2 / (a * b) * sum(abs(p - q) for p, q in itertools.product(x, y))
    within = [sum(abs(p - q) for p, q in itertools.combinations(z, 2)) / math.comb(len(z), 2) for z in (x, y)]
    return float(a * b / (a + b) * (across - sum(within)))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 9), min_size=4, max_size=14), st.booleans())
def test_the_parting_is_the_best_by_definition(values: list[int], lasting: bool) -> None:
    ranks = midranks(np.array(values))
    n = len(ranks)
    best = max(
        energy(ranks[:begin], ranks[begin:end])
        for begin in range(2, n - 1)
        for end in ([n] if lasting else range(begin + 2, n + 1))
    )
    assert _parted(ranks[None], np.arange(n + 1), 2, lasting=lasting)[0][0] == pytest.approx(best, abs=1e-9)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 9), min_size=4, max_size=20).filter(lambda v: len(set(v)) > 1), st.data())
def test_counted_distances_are_the_distances(values: list[int], data: st.DataObject) -> None:
    n = len(values)
    inner = data.draw(st.sets(st.integers(1, n - 1), max_size=n - 1))
    places = np.array([0, *sorted(inner), n])
    rows = np.array([values, values[::-1]])
    whole = _of_all(rows, np.arange(n + 1))[:, places][:, :, places]
    np.testing.assert_allclose(_of_counts(rows, places), whole, atol=1e-9)


def test_a_long_history_is_parted_to_the_night() -> None:
    levels = np.array([1.0] * 101 + [2.0] * 13 + [1.0] * 200 + [3.0] * 77)
    assert [change.begin for change in divide(levels, 3)] == [101, 114, 314]


def test_a_long_history_of_chance_is_parted_as_rarely_as_it_says() -> None:
    values = np.random.default_rng(8).normal(size=(60, 90))
    parted = sum(bool(divide(row, sure=0.1)) for row in values)
    assert 1 <= parted <= 14, "6 are to be expected; outside with a chance below 0.4 %"


def test_equal_values_share_their_middle_rank() -> None:
    assert midranks(np.array([5.0, 1.0, 5.0, 7.0])).tolist() == [2.5, 1.0, 2.5, 4.0]


def test_clean_levels_are_found_where_they_begin() -> None:
    steps = np.array([1.0] * 20 + [2.0] * 15 + [1.5] * 25)
    assert [change.begin for change in divide(steps)] == [20, 35]
    assert newest(steps[:35], 3) == (20, 1 / 200)


def test_a_passing_level_is_found_on_both_sides() -> None:
    values = np.random.default_rng(4).normal(100, 1.5, 80)
    values[45:55] += 6
    found = [change.begin for change in divide(values)]
    assert found == [pytest.approx(45, abs=1), pytest.approx(55, abs=1)]


def test_nothing_parts_what_is_equal_or_short() -> None:
    assert divide(np.ones(50)) == ()
    assert newest(np.ones(50), 3) is None
    assert newest(np.arange(5.0), 3) is None
    assert divide(np.array([])) == ()


def test_chance_is_called_sure_as_rarely_as_it_says() -> None:
    values = np.random.default_rng(6).normal(size=(300, 40))
    p = np.array([change.p_value for row in values if (change := newest(row, 3)) is not None])
    assert len(p) == 300
    assert (p <= 0.05).mean() < 0.1
    assert 0.4 < p.mean() < 0.6


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(-1e3, 1e3).map(lambda x: round(x, 2)), min_size=10, max_size=30))
def test_any_increasing_transformation_gives_the_same(values: list[float]) -> None:
    plain = np.array(values)
    assert divide(np.arctan(plain)) == divide(plain) == divide(3 * plain + 1)
