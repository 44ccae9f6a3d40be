"""Where the level of a series changes: e-divisive on ranks, with permutation significance.

The energy distance of two stretches, of their ranks with exponent 1, weighted by their lengths, is largest where they part
best; how often shuffled values reach as much says how sure that is. Ranks are deaf to outliers and to any increasing
transformation. Each part is ranked, parted and shuffled by itself again. Source: Matteson, James 2014, "A nonparametric
approach for multiple change point analysis of multivariate data", sections 2 and 3.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    Array = np.ndarray[Any, Any]

SHUFFLES = 199
SEED = 20220831
LONGEST = 400
"""Values of one series; older ones are left out by who asks."""
SURE = 0.01
PLACES = 64
"""At which a long history is parted first, evenly spread, by ranks in as many classes, since a year of nights has to take
milliseconds; then it is found to the night where. Shuffles are parted in the same way, so what they reach compares."""
LESS = 1 - 1e-9
"""Equal distances are equal, however they were rounded."""
FEW = 16
"""Shuffles at a time where chance mostly ends it soon."""
BLOCK = 1 << 18
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
    ranks = _ranks(values)
    n = len(ranks)
    if n < 2 * least or ranks.min() == ranks.max():
        return None
    distance, begin, _ = _parted(ranks[None], np.arange(n + 1), least, lasting=True)
    shuffled = _shuffled(np.sort(ranks).tobytes(), least)
    return Change(int(begin[0]), (1 + int((shuffled >= distance[0] * LESS).sum())) / (1 + SHUFFLES))


def divide(values: Array, least: int = 5, sure: float = SURE) -> tuple[Change, ...]:
    """All changes of level in values [n], n <= LONGEST, in their order: parted again and again while p <= `sure`.

    Each level is at least `least` long. Of values that nothing parts, the chance of any change is at most `sure`. Equal
    values give equal answers.
    """
    found: list[Change] = []
    open_ = [(0, len(values))]
    while open_:
        begin, end = open_.pop()
        change = _sure(_ranks(values[begin:end]).tobytes(), least, sure)
        if change is not None:
            found.append(Change(begin + change.begin, change.p_value))
            open_ += [(begin, begin + change.begin), (begin + change.begin, end)]
    return tuple(sorted(found))


@functools.lru_cache(maxsize=8192)
def _sure(ranks: bytes, least: int, sure: float) -> Change | None:
    """The best parting of these ranks, where p <= `sure`. A history is as it was but for its last level: the others are kept."""
    values = np.frombuffer(ranks, np.int32)
    n = len(values)
    if n < 2 * least or values.min() == values.max():
        return None
    if n <= PLACES:
        coarse, places = values, np.arange(n + 1)
    else:
        coarse, places = values * PLACES // (2 * n + 1), np.linspace(0, n, PLACES + 1).round().astype(int)
    distance, begin, end = _parted(coarse[None], places, least, lasting=False)
    reached = 1
    for block in _shuffles(coarse, FEW):
        reached += int((_parted(block, places, least, lasting=False)[0] >= distance[0] * LESS).sum())
        if reached > sure * (1 + SHUFFLES):
            return None
    if n > PLACES:
        step, last = n // PLACES + 1, int(end[0])
        near = np.arange(max(least, begin[0] - step), min(last - least, begin[0] + step) + 1)
        begin = _parted(values[None, :last], np.array([0, *near, last]), least, lasting=True)[1]
    return Change(int(begin[0]), reached / (1 + SHUFFLES))


def _ranks(values: Array) -> Array:
    """int32 [n]: twice the ranks, so that sums of their distances are exact."""
    result: Array = (2 * midranks(values)).astype(np.int32)
    return result


def midranks(values: Array) -> Array:
    """f64 [n]: ranks from 1; equal values share the middle of theirs."""
    _, which, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    result: Array = (ends - (counts - 1) / 2)[which]
    return result


def _parted(ranks: Array, places: Array, least: int, *, lasting: bool) -> tuple[Array, Array, Array]:
    """The largest weighted energy distance of each row of ranks [b, n], the index that parts there, and where that ends.

    A stretch begins and ends at one of `places`, int [p] from 0 to n; the second one ends with the row where `lasting`, else
    where it parts best.
    """
    n = ranks.shape[1]
    sums = (_of_all if len(places) > n else _of_counts)(ranks, places)
    begin = np.flatnonzero((places >= least) & (places <= n - least))
    end = np.array([len(places) - 1]) if lasting else np.flatnonzero(places >= 2 * least)
    left = sums[:, begin, begin][:, :, None]
    across = sums[:, begin][:, :, end] - left
    right = sums[:, end, end][:, None, :] - left - 2 * across
    lengths = places[end][None, :] - places[begin][:, None]
    a, b = places[begin][:, None].astype(float), np.maximum(lengths, 2).astype(float)
    # Means over all ordered pairs, of a value with another.
    energy = 2 * across / (a * b) - left / (a * (a - 1)) - right / (b * (b - 1))
    energy = np.where(lengths >= least, a * b / (a + b) * energy, -np.inf)
    flat = energy.reshape(len(ranks), -1)
    best = flat.argmax(1)
    return flat[np.arange(len(flat)), best], places[begin[best // len(end)]], places[end[best % len(end)]]


def _of_all(ranks: Array, places: Array) -> Array:
    """[b, p, p]: the distances of all before one place from all before another, summed; here each index is a place."""
    sums = np.zeros((len(ranks), len(places), len(places)))
    sums[:, 1:, 1:] = np.abs(ranks[:, :, None] - ranks[:, None, :]).cumsum(1).cumsum(2)
    return sums


def _of_counts(ranks: Array, places: Array) -> Array:
    """The same at a few places, of rows that all hold the same ranks, from how many of each rank lie before each place.

    |x - y| is the sum, over the gaps between neighboring ranks, of those that exactly one of x and y lies below.
    """
    rows, blocks = len(ranks), len(places) - 1
    levels = np.unique(ranks[0])
    cells = np.arange(rows)[:, None] * blocks + np.repeat(np.arange(blocks), np.diff(places))
    cells = cells * len(levels) + np.searchsorted(levels, ranks)
    counts = np.bincount(cells.ravel(), minlength=rows * blocks * len(levels)).reshape(rows, blocks, len(levels))
    gaps = np.sqrt(np.diff(levels))
    below = np.zeros((rows, blocks + 1, len(gaps)))
    below[:, 1:] = gaps * counts.cumsum(1).cumsum(2)[:, :, :-1]
    alone = places * (below @ gaps)[:, :, None]
    sums: Array = alone + alone.transpose(0, 2, 1) - 2 * below @ below.transpose(0, 2, 1)
    return sums


@functools.lru_cache(maxsize=512)
def _shuffled(ranks: bytes, least: int) -> Array:
    """What shuffles of these ranks reach [SHUFFLES] with the newest level: a matter of the ranks alone, the same for every
    series without ties."""
    values = np.frombuffer(ranks, np.int32)
    places, rows = np.arange(len(values) + 1), max(1, BLOCK // len(values) ** 2)
    return np.concatenate([_parted(block, places, least, lasting=True)[0] for block in _shuffles(values, rows)])


def _shuffles(values: Array, rows: int) -> Iterator[Array]:
    """SHUFFLES of them, up to `rows` [b, n] at a time."""
    random = np.random.default_rng(SEED)
    for done in range(0, SHUFFLES, rows):
        yield random.permuted(np.tile(values, (min(rows, SHUFFLES - done), 1)), axis=1)
