"""Evidence against chance: what it gains on average is known exactly."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from farm.trend import control
from farm.trend.control import _log_bets, sequential_ranks
from farm.trend.discoveries import discoveries

Array = np.ndarray[Any, Any]


def ties(values: Array) -> Array:
    return np.asarray(np.random.default_rng(1).random(values.shape))


def test_ranks_count_what_came_before() -> None:
    values = np.array([[3.0, 1.0, 2.0, 2.0, 2.0, 9.0]])
    thrown = np.array([[0.0, 0.0, 0.0, 0.0, 0.99, 0.5]])
    assert sequential_ranks(values, thrown).tolist() == [[1, 1, 2, 2, 4, 6]]


def evidence(values: Array, first: int, thrown: Array) -> Array:
    """Where nothing was taken out."""
    return control.evidence(values, first, thrown, np.ones(values.shape))


@pytest.mark.parametrize("k", [1, 2, 15, 180])
def test_no_bet_gains_on_average(k: int) -> None:
    assert np.exp(_log_bets(k).astype(float)).mean(-1) == pytest.approx(1.0, rel=1e-5)


def test_over_all_orders_of_values_each_start_gains_nothing() -> None:
    orders = np.array(list(itertools.permutations(range(7))), float)
    gained = evidence(orders, 3, ties(orders))
    assert gained.mean() == pytest.approx(4.0, rel=1e-5)  # starts 3, 4, 5 and 6
    assert (gained >= 12).mean() <= 4 / 12


def test_what_counts_in_part_gains_no_more_on_average() -> None:
    orders = np.array(list(itertools.permutations(range(7))), float)
    half = control.evidence(orders, 3, ties(orders), np.full(orders.shape, 0.5))
    assert half.mean() < 4.0
    assert control.evidence(orders, 3, ties(orders), np.zeros(orders.shape)) == pytest.approx(4.0)


def test_equal_values_gain_nothing_either() -> None:
    equal = np.ones((20_000, 8))
    assert evidence(equal, 3, ties(equal)).mean() == pytest.approx(5.0, rel=0.05)


def test_a_new_level_gains_soon_and_one_outlier_does_not() -> None:
    values = np.random.default_rng(5).normal(size=(3, 104))
    values[0, 100:] += 4.0
    values[1, 103] += 40.0
    gained = evidence(values, 14, ties(values))
    assert gained[0] > 100_000
    assert gained[1] < 1000
    assert gained[2] < 1000


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(-50, 50), min_size=4, max_size=40), st.integers(1, 3))
def test_only_the_order_of_values_counts(values: list[int], first: int) -> None:
    row = np.array([values], float)
    thrown = ties(row)
    plain = evidence(row, first, thrown)
    assert np.isfinite(plain).all()
    for other in (7 * row - 3, np.exp(row), row**3):
        assert np.array_equal(evidence(other, first, thrown), plain)


def test_series_do_not_touch_each_other() -> None:
    values = np.random.default_rng(2).normal(size=(5, 60))
    together = evidence(values, 14, ties(values))
    alone = [evidence(values[i : i + 1], 14, ties(values)[i : i + 1])[0] for i in range(5)]
    assert together == pytest.approx(alone, rel=1e-12)


@pytest.mark.parametrize(
    ("gained", "of", "told"),
    [
        ([], 10, []),
        ([99.0], 10, [False]),
        ([100.0], 10, [True]),
        ([50.0, 3.0, 50.0], 10, [True, False, True]),  # two of them need half as much each
        ([49.0, 100.0], 10, [False, True]),
        ([1e300, 34.0, 34.0], 10, [True, True, True]),
    ],
)
def test_the_more_series_have_evidence_the_less_each_needs(gained: list[float], of: int, told: list[bool]) -> None:
    assert discoveries(np.array(gained), 0.1, of).tolist() == told


def test_of_series_that_are_one_and_the_same_false_words_stay_rare() -> None:
    """Wholly dependent series: they are told all or none, and at most as often as the rate allows."""
    random = np.random.default_rng(3)
    nights, labs, rate = 30, 2000, 0.01
    values = random.normal(size=(labs, nights))
    gained = evidence(values, 10, ties(values))
    told = [discoveries(np.repeat(one, 20), rate, 20) for one in gained]
    assert all(one.all() or not one.any() for one in told)
    # The last night alone: at most nights * rate of the labs in the mean.
    assert np.mean([one.any() for one in told]) <= nights * rate
