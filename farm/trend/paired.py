"""A figure of each frame, new beside old: did the answers, the errors or the times of the same frames change?

These tests say that two runs differ. Whether that lasts is for the nights to say (farm.trend.judge): two runs of one model on
one phone differ in time by more than their frames tell.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from farm.compare.resample import interval, mean_interval, paired_scores
from farm.trend.compared import Paired
from farm.trend.edivisive import midranks

if TYPE_CHECKING:
    Array = np.ndarray[Any, Any]

LEAST = 6
"""Frames below which no answer of Wilcoxon's test is below 5 %."""


def scores(new: Array, old: Array, figure: str) -> Paired | None:
    """Any score of the same frames, f64 [n] each, such as an error; frames without one (NaN) do not count, None without any.

    Right and wrong (1 and 0) by McNemar's exact test (1947), others by exchanging them (Fisher 1935).
    """
    sound = np.isfinite(new) & np.isfinite(old)
    new, old = new[sound], old[sound]
    if not len(new):
        return None
    low, high = mean_interval(new - old)
    binary = set(np.unique(new)) | set(np.unique(old)) <= {0.0, 1.0}
    return Paired(
        figure=figure,
        test="McNemar" if binary else "permutation",
        n=len(new),
        before=float(old.mean()),
        after=float(new.mean()),
        change=float((new - old).mean()),
        relative=False,
        low=low,
        high=high,
        p_value=paired_scores(new, old),
    )


def ratios(new: Array, old: Array, figure: str, unit: str) -> Paired | None:
    """Positive figures of the same frames, f64 [n] each (Wilcoxon 1945, log ratios); None with fewer than LEAST."""
    if len(new) < LEAST:
        return None
    logs = np.log(new / old)
    low, high = interval(len(logs), lambda weights: _median(logs, weights))
    moved = logs[logs != 0]
    # Wilcoxon's is the permutation test of signed ranks.
    ranks = np.sign(moved) * midranks(np.abs(moved))
    return Paired(
        figure=figure,
        unit=unit,
        test="Wilcoxon",
        n=len(new),
        before=float(np.median(old)),
        after=float(np.median(new)),
        change=math.expm1(float(np.median(logs))),
        relative=True,
        low=math.expm1(low),
        high=math.expm1(high),
        p_value=paired_scores(ranks, np.zeros(len(ranks))),
    )


def _median(values: Array, weights: Array) -> float:
    """Of values, each drawn so many times."""
    return float(np.median(np.repeat(values, weights.astype(int))))
