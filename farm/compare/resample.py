"""How sure figures over frames are: the bootstrap, and paired tests between two targets on the same frames."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from farm.compare.accuracy import paired

if TYPE_CHECKING:
    from collections.abc import Callable

    Array = np.ndarray[Any, Any]

SEED = 20220831
RESAMPLES = 1000
PERMUTATIONS = 1999
EXACT = 12
"""Up to so many frames that differ, every sign is tried."""
NORMAL = 50
"""From so many frames that differ, the sum of random signs is taken to be normal."""


def interval(n: int, statistic: Callable[[Array], float], resamples: int = RESAMPLES) -> tuple[float, float]:
    """95 % percentile bootstrap interval over n frames, seeded.

    `statistic` is given how often each frame was drawn, f64 [n]; where it gives NaN, that draw does not count.
    """
    random = np.random.default_rng(SEED)
    drawn = [statistic(np.bincount(random.integers(0, n, n), minlength=n).astype(np.float64)) for _ in range(resamples)]
    sound = np.array(drawn)[~np.isnan(drawn)]
    if not len(sound):
        return math.nan, math.nan
    low, high = np.percentile(sound, [2.5, 97.5])
    return float(low), float(high)


def mean_interval(values: Array) -> tuple[float, float]:
    """`interval` of the mean of f64 [n], n >= 1."""
    n = len(values)
    return interval(n, lambda weights: float(weights @ values / n))


def paired_scores(a: Array, b: Array) -> float:
    """Two-sided p of a and b, scores of the same frames f64 [n], having one distribution.

    Right and wrong (0 and 1): McNemar's exact test. Else the paired permutation test of the mean (Fisher 1935): under the
    hypothesis the two scores of a frame may change places. Exact where few frames differ, else 1999 seeded draws; where
    `NORMAL` and more differ, its normal approximation.
    """
    if set(np.unique(a)) | set(np.unique(b)) <= {0.0, 1.0}:
        return paired(a == 1, b == 1)
    gaps = (a - b)[a != b]
    if not len(gaps):
        return 1.0
    seen = abs(gaps.sum()) * (1 - 1e-12)  # sums of the same numbers in another order are the same
    if len(gaps) <= EXACT:
        signs = np.array(list(itertools.product((1.0, -1.0), repeat=len(gaps))))
        return float((np.abs(signs @ gaps) >= seen).mean())
    if len(gaps) >= NORMAL:
        return math.erfc(float(seen / math.sqrt(2 * (gaps @ gaps))))
    signs = np.random.default_rng(SEED).choice((-1.0, 1.0), (PERMUTATIONS, len(gaps)))
    return float((np.abs(signs @ gaps) >= seen).sum() + 1) / (PERMUTATIONS + 1)
