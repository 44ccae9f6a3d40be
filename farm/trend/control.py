"""Whether a series shifted, looked at every night for years: evidence that a chance series gathers only at a known rate.

For every night j on which a new level may have begun runs a test martingale: starting at 1, it is multiplied each night by a
bet on the rank of the night's value among all values so far. Without a shift (the values exchangeable) those ranks are
independent and uniform, whatever the distribution, so no bet gains on average. The sum over all j is a Shiryaev-Roberts
e-detector: the chance that it ever reaches c within n nights is at most n / c.

Where effects were taken out that were learnt from the same values, an error of theirs looks like a shift to all bets at once. A
shift that is estimated beside them has 1 / apart times the variance, so a bet counts to the power of `apart` only: for normal
values that is the likelihood ratio with the effects unknown, and again gains nothing on average.

Sources: Barnard 1959 and Parent 1965 (sequential ranks); Vovk, Nouretdinov, Gammerman 2003 (test martingales of ranks);
Shin, Ramdas, Rinaldo 2024, "E-detectors" (the sum, and its bound).
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    Array = np.ndarray[Any, Any]

SHIFTS = (0.75, 1.5, 3.0)
"""Alternatives that are bet on, up and down, in standard deviations of single nights."""
CAUTION = 0.05
"""Share that is never staked: one night against the bet costs at most a factor of 20."""
SHARES = 16
"""Steps in which the share of the old level among the values so far is counted."""
RECENT = 16
"""Starts of so many last nights are all kept; of those twice as old every second, and so on."""


def evidence(values: Array, first: int, ties: Array, apart: Array) -> Array:
    """The e-detector of each series [s] after its last value; values [s, n], the oldest first, n the same for all.

    `first` is the least index at which a new level may begin (>= 1), `ties` [s, n] numbers in [0, 1) that order equal
    values, `apart` [s, n] the powers (farm.trend.adjust; 1 where nothing was taken out). Any increasing transformation of the
    values gives the same.
    """
    series, n = values.shape
    starts = np.array([j for j in range(first, n) if j % _spacing(n - 1 - j) == 0], int)
    if not series or not len(starts):
        return np.zeros(series)
    ranks = sequential_ranks(values, ties)
    # [start, alternative, series]: log of the gain so far.
    gains = np.zeros((len(starts), 2 * len(SHIFTS), series), np.float32)
    for night in range(int(starts[0]), n):
        live = int(np.searchsorted(starts, night, side="right"))
        shares = (starts[:live] * SHARES + night // 2) // night  # of the old level among the values before tonight
        kinds, which = np.unique(shares, return_inverse=True)
        gains[:live] += _log_bets(night + 1)[kinds][:, :, ranks[:, night] - 1][which]
    powers = apart[:, starts].T[:, None, :]
    result: Array = np.exp(gains.astype(np.float64) * powers).sum((0, 1)) / gains.shape[1]
    return result


def sequential_ranks(values: Array, ties: Array) -> Array:
    """int [s, n]: of each value among those up to it, from 1; equal ones in the order that `ties` throws them."""
    ranks = np.empty(values.shape, np.int64)
    for k in range(values.shape[1]):
        own, before = values[:, k : k + 1], values[:, :k]
        equal = (before == own).sum(1)
        ranks[:, k] = 1 + (before < own).sum(1) + (ties[:, k] * (equal + 1)).astype(np.int64)
    return ranks


def _spacing(age: int) -> int:
    """Dropped starts only take evidence away, and old neighbors tell the same."""
    return 1 << max(0, age // RECENT).bit_length()


@functools.lru_cache(maxsize=1024)
def _log_bets(k: int) -> Array:
    """Log of the factor for rank r of k, [share of the old level, alternative, r - 1]; the factors' mean over r is 1.

    The likelihood ratio for normal values whose level moved by d, among which a share w is of the old level: the rank of a
    new value is then distributed as Phi(H^-1(u) - d), H = w Phi(x) + (1 - w) Phi(x - d).
    """
    from scipy.special import ndtr

    edges = np.arange(k + 1) / k
    table = np.zeros((SHARES + 1, 2 * len(SHIFTS), k), np.float32)
    x = np.linspace(-9.0, 13.0, 4401)
    old = ndtr(x)
    for i, d in enumerate(SHIFTS):
        new = ndtr(x - d)
        for share in range(SHARES + 1):
            w = share / SHARES
            reached = np.interp(edges, w * old + (1 - w) * new, new)
            reached[0], reached[-1] = 0.0, 1.0
            bets = np.log(CAUTION + (1 - CAUTION) * k * np.diff(reached))
            table[share, 2 * i], table[share, 2 * i + 1] = bets, bets[::-1]
    return table
