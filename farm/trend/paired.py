"""A run beside its baseline run, frame by frame: did the answers, the errors or the times of the same frames change?

These tests say that two runs differ. Whether that lasts is for the nights to say (farm.trend.judge): two runs of one model on
one phone differ in time by more than their frames tell.
"""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from farm.compare.resample import interval, mean_interval, paired_scores
from farm.report.base import Part
from farm.trend.edivisive import midranks

if TYPE_CHECKING:
    from farm.capture.recording import Recording
    from farm.compare.answers import Answers
    from farm.store.artifacts import ArtifactStore

    Array = np.ndarray[Any, Any]

LEAST = 6
"""Frames below which no answer of Wilcoxon's test is below 5 %."""


class Paired(Part):
    """New against old over the same n frames."""

    test: Literal["McNemar", "permutation", "Wilcoxon"]
    n: int
    before: float
    """Mean of scores; median of times, in milliseconds."""
    after: float
    change: float
    """Mean of the differences of scores; of times the median of the frames' ratios, less 1."""
    low: float
    """Of the 95 % bootstrap interval of `change`, as `high`."""
    high: float
    p_value: float
    """Two-sided."""


def correctness(new: Answers, old: Answers) -> Paired | None:
    """Right and wrong answers to the same labelled frames, in the same order (McNemar 1947, exact); None without any."""
    labelled = (new.rank >= 0) & (old.rank >= 0)
    return scores(new.right[labelled].astype(float), old.right[labelled].astype(float))


def scores(new: Array, old: Array) -> Paired | None:
    """Any score of the same frames, f64 [n] each, such as an error; frames without one (NaN) do not count, None without any."""
    sound = np.isfinite(new) & np.isfinite(old)
    new, old = new[sound], old[sound]
    if not len(new):
        return None
    low, high = mean_interval(new - old)
    binary = set(np.unique(new)) | set(np.unique(old)) <= {0.0, 1.0}
    return Paired(
        test="McNemar" if binary else "permutation",
        n=len(new),
        before=float(old.mean()),
        after=float(new.mean()),
        change=float((new - old).mean()),
        low=low,
        high=high,
        p_value=paired_scores(new, old),
    )


def times(new: Recording, old: Recording, artifacts: ArtifactStore) -> Paired | None:
    """Invocation times of the frames that both have; of a frame's repetitions the median. None with fewer than LEAST."""
    mine, other = _by_frame(new, artifacts), _by_frame(old, artifacts)
    frames = sorted(mine.keys() & other.keys())
    return ratios(np.array([mine[f] for f in frames]), np.array([other[f] for f in frames]))


def ratios(new: Array, old: Array) -> Paired | None:
    """Positive figures of the same frames, f64 [n] each (Wilcoxon 1945, log ratios); None with fewer than LEAST."""
    if len(new) < LEAST:
        return None
    logs = np.log(new / old)
    low, high = interval(len(logs), lambda weights: _median(logs, weights))
    moved = logs[logs != 0]
    # Wilcoxon's is the permutation test of signed ranks.
    ranks = np.sign(moved) * midranks(np.abs(moved))
    return Paired(
        test="Wilcoxon",
        n=len(new),
        before=float(np.median(old)),
        after=float(np.median(new)),
        change=math.expm1(float(np.median(logs))),
        low=math.expm1(low),
        high=math.expm1(high),
        p_value=paired_scores(ranks, np.zeros(len(ranks))),
    )


def _median(values: Array, weights: Array) -> float:
    """Of values, each drawn so many times."""
    return float(np.median(np.repeat(values, weights.astype(int))))


def _by_frame(recording: Recording, artifacts: ArtifactStore) -> dict[int, float]:
    """Milliseconds of each frame; a clock that did not move counts as one nanosecond."""
    found: dict[int, list[int]] = defaultdict(list)
    for one in recording.frame_times(artifacts):
        found[one.index].append(max(1, one.invoke_ns))
    return {frame: statistics.median(spent) / 1e6 for frame, spent in found.items()}
