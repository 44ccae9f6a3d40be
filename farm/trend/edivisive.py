"""Where the level of a series changes: e-divisive on ranks, with permutation significance.

The energy distance of two stretches, of their ranks with exponent 1, weighted by their lengths, is largest where they part
best; how often shuffled values reach as much says how sure that is. Ranks are deaf to outliers and to any increasing
transformation. Source: Matteson, James 2014, "A nonparametric approach for multiple change point analysis of multivariate
data", sections 2 and 3.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    Array = np.ndarray[Any, Any]

SHUFFLES = 199
SEED = 20220831
LONGEST = 400
"""Values of one series; older ones are left out by who asks."""
SURE = 0.01
BLOCK = 1 << 22
"""Numbers of shuffled distances at a time."""


class Change(NamedTuple):
    """Of level: the new one begins at index `begin`."""

    begin: int
    p_value: float
    """(1 + shuffles that part as well) / (1 + shuffles), at least 1 / 200."""


def newest(values: Array, least: int) -> Change | None:
    """The best parting of values [n] into what was before and what lasts to the end, each at least `least` long.

    None where there are fewer than 2 `least`, or all are equal. Equal values give equal answers.
    """
    return _best(values, least, lasting=True)


def divide(values: Array, least: int = 5, sure: float = SURE) -> list[Change]:
    """All changes of level in values [n], n <= LONGEST, in their order: parted again and again while p <= `sure`.

    Each level is at least `least` long.
    """
    found: list[Change] = []
    open_ = [(0, len(values))]
    while open_:
        begin, end = open_.pop()
        change = _best(values[begin:end], least, lasting=False)
        if change is not None and change.p_value <= sure:
            found.append(Change(begin + change.begin, change.p_value))
            open_ += [(begin, begin + change.begin), (begin + change.begin, end)]
    return sorted(found)


def _best(values: Array, least: int, *, lasting: bool) -> Change | None:
    ranks = midranks(values)
    if len(ranks) < 2 * least or ranks.min() == ranks.max():
        return None
    distance, index = _parted(ranks[None], least, lasting=lasting)
    shuffled = _shuffled(np.sort(ranks).tobytes(), least, lasting)
    reached = int((shuffled >= distance[0] * (1 - 1e-9)).sum())
    return Change(int(index[0]), (1 + reached) / (1 + len(shuffled)))


def midranks(values: Array) -> Array:
    """f64 [n]: ranks from 1; equal values share the middle of theirs."""
    _, which, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    result: Array = (ends - (counts - 1) / 2)[which]
    return result


def _parted(ranks: Array, least: int, *, lasting: bool) -> tuple[Array, Array]:
    """The largest weighted energy distance of each row of ranks [b, n], and the index that parts there.

    The second stretch ends with the row where `lasting`, else where it parts best.
    """
    n = ranks.shape[1]
    sums = np.zeros((len(ranks), n + 1, n + 1))
    sums[:, 1:, 1:] = np.abs(ranks[:, :, None] - ranks[:, None, :]).cumsum(1).cumsum(2)
    begin = np.arange(least, n - least + 1)
    end = np.array([n]) if lasting else np.arange(2 * least, n + 1)
    left = sums[:, begin, begin][:, :, None]
    across = sums[:, begin][:, :, end] - left
    right = sums[:, end, end][:, None, :] - left - 2 * across
    a, b = begin[:, None].astype(float), np.maximum(end[None, :] - begin[:, None], 2).astype(float)
    # Means over all ordered pairs, of a value with another.
    energy = 2 * across / (a * b) - left / (a * (a - 1)) - right / (b * (b - 1))
    energy = np.where(end[None, :] - begin[:, None] >= least, a * b / (a + b) * energy, -np.inf)
    flat = energy.reshape(len(ranks), -1)
    best = flat.argmax(1)
    return flat[np.arange(len(flat)), best], begin[best // len(end)]


@functools.lru_cache(maxsize=512)
def _shuffled(ranks: bytes, least: int, lasting: bool) -> Array:
    """What shuffles of these ranks reach [SHUFFLES]: a matter of the ranks alone, the same for every series without ties."""
    values, random = np.frombuffer(ranks), np.random.default_rng(SEED)
    rows = max(1, BLOCK // len(values) ** 2)
    reached: list[Array] = []
    for done in range(0, SHUFFLES, rows):
        block = random.permuted(np.tile(values, (min(rows, SHUFFLES - done), 1)), axis=1)
        reached.append(_parted(block, least, lasting=lasting)[0])
    return np.concatenate(reached)
