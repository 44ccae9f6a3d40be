"""Confidence limits: never wrong more often than they say, by counting every outcome."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from farm.gate import limits


def binomial(k: int, n: int, p: float) -> float:
    return math.comb(n, k) * p**k * (1 - p) ** (n - k)


@pytest.mark.parametrize("alpha", [0.05, 1e-3])
@pytest.mark.parametrize("n", [1, 7, 30])
def test_a_share_s_limits_keep_their_promise_for_every_truth(n: int, alpha: float) -> None:
    lows, highs = zip(*(limits.share(k, n, alpha) for k in range(n + 1)), strict=True)
    for p in np.linspace(0, 1, 101):
        assert sum(binomial(k, n, p) for k in range(n + 1) if lows[k] > p + 1e-12) <= alpha + 1e-12
        assert sum(binomial(k, n, p) for k in range(n + 1) if highs[k] < p - 1e-12) <= alpha + 1e-12
    # And no limit could be nearer: at it, what was seen is just as rare as alpha.
    for k in range(1, n + 1):
        assert sum(binomial(i, n, lows[k]) for i in range(k, n + 1)) == pytest.approx(alpha, rel=1e-6)


@pytest.mark.parametrize("n", [4, 12])
@pytest.mark.parametrize("alpha", [0.1, 0.01])
def test_a_pair_s_limits_keep_their_promise_for_every_truth(n: int, alpha: float) -> None:
    outcomes = [(g, s) for g in range(n + 1) for s in range(n + 1 - g)]
    found = {(g, s): limits.paired(g, s, n, alpha) for g, s in outcomes}
    worst = 0.0
    for up, down in itertools.product(np.linspace(0, 1, 21), repeat=2):
        if up + down > 1:
            continue
        wrong_low = wrong_high = 0.0
        for (g, s), (low, high) in found.items():
            p = math.comb(n, g) * math.comb(n - g, s) * up**g * down**s * max(0.0, 1 - up - down) ** (n - g - s)
            wrong_low += p * (low > up - down + 1e-12)
            wrong_high += p * (high < up - down - 1e-12)
        worst = max(worst, wrong_low, wrong_high)
    assert worst <= alpha
    assert worst >= alpha / 20, "it says something"


def test_pairs_that_seldom_differ_say_more_than_two_shares() -> None:
    low, high = limits.paired(85, 85, 3400, 0.005)
    apart = limits.share(85, 3400, 0.0025)[0] - limits.share(85, 3400, 0.0025)[1]
    assert high == -low
    assert low > 0.8 * apart  # two limits of 85 of 3400 frames each, put together
    assert low > 3 * (limits.share(2800, 3400, 0.0025)[0] - limits.share(2800, 3400, 0.0025)[1])


@settings(max_examples=60)
@given(st.integers(0, 300), st.integers(0, 300), st.integers(1, 4000), st.sampled_from([0.05, 1e-3, 1e-12]))
def test_a_pair_s_limits_are_ordered_and_the_quick_question_agrees(
    gained: int, lost: int, more: int, alpha: float
) -> None:
    n = gained + lost + more
    low, high = limits.paired(gained, lost, n, alpha)
    assert -1 <= low <= (gained - lost) / n <= high <= 1
    assert limits.certain(gained, lost, n, alpha, low - 1e-9)
    assert not limits.certain(gained, lost, n, alpha, low + 1e-9)
    assert limits.paired(lost, gained, n, alpha) == (-high, -low)


@pytest.mark.parametrize("of", [0.5, 0.9])
@pytest.mark.parametrize("n", [3, 44, 200])
def test_the_ranks_of_a_quantile_are_the_nearest_that_keep_the_promise(n: int, of: float) -> None:
    alpha = 0.01
    low, high = limits.ranks(n, of, alpha)
    below = [sum(binomial(i, n, of) for i in range(k + 1)) for k in range(n + 1)]  # P(at most k are below it)
    assert low == max((k for k in range(n) if below[k] <= alpha), default=None)
    assert high == min((k for k in range(n) if 1 - below[k] <= alpha), default=None)


def test_a_quantile_of_more_of_the_same_has_nearer_limits() -> None:
    values = list(np.linspace(1, 2, 300))
    low, high = limits.quantile(values, 0.9, 0.01)
    assert low < 1.9 < high
    nearer = limits.quantile(values, 0.9, 0.01, 30_000)
    assert low < nearer[0] < 1.9 < nearer[1] < high
    assert limits.quantile(values[:2], 0.9, 0.001) == (-math.inf, math.inf)


@pytest.mark.parametrize("alpha", [0.05, 1e-6])
def test_a_mean_of_scores_is_bounded_at_least_as_widely_as_a_share(alpha: float) -> None:
    for hits, n in ((0, 10), (7, 10), (99, 100), (100, 100)):
        share, mean = limits.share(hits, n, alpha), limits.mean(hits / n, n, alpha)
        assert mean[0] <= share[0] + 1e-12
        assert mean[1] >= share[1] - 1e-12
    assert limits.mean(0.5, 100_000, 0.05)[1] < 0.51


def test_limits_hold_where_a_promise_is_made_for_many_uses() -> None:
    alpha = 0.001 / 2**32
    low, high = limits.share(900, 1000, alpha)
    assert 0.8 < low < 0.9 < high < 0.96
    low, high = limits.paired(10, 10, 20_000, alpha)
    assert -0.005 < low < 0 < high < 0.005
