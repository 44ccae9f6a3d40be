"""A run's time and memory against an earlier run's, and along itself."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from farm.capture.recording import Recording
    from farm.store.artifacts import ArtifactStore

    Array = np.ndarray[Any, Any]

RESAMPLES = 1000
SEED = 20220831
BLOCK = 8
"""Neighboring invocations that are drawn together: clocks and caches tie them."""
LEAST = 64
"""Samples of memory below which growth cannot be told from settling."""
MIB = 1 << 20


@dataclass(frozen=True)
class Slowdown:
    """Medians of two runs; the ratio's 95 % interval is a block bootstrap's."""

    now_ms: float
    then_ms: float
    ratio: float
    low: float
    high: float


def slowdown(now: Recording, then: Recording, artifacts: ArtifactStore) -> Slowdown | None:
    """Invocation times of two `latency` passes; None where one has none."""
    mine, other = (np.array([t.invoke_ns for t in r.frame_times(artifacts)]) / 1e6 for r in (now, then))
    if not len(mine) or not len(other):
        return None
    random = np.random.default_rng(SEED)
    ratios = [np.median(_drawn(mine, random)) / np.median(_drawn(other, random)) for _ in range(RESAMPLES)]
    low, high = np.percentile(ratios, [2.5, 97.5])
    a, b = float(np.median(mine)), float(np.median(other))
    return Slowdown(now_ms=a, then_ms=b, ratio=a / b, low=float(low), high=float(high))


def _drawn(values: Array, random: np.random.Generator) -> Array:
    block = min(BLOCK, len(values))
    starts = random.integers(0, len(values) - block + 1, -(-len(values) // block))
    result: Array = values[(starts[:, None] + np.arange(block)).ravel()[: len(values)]]
    return result


def growth(recording: Recording, artifacts: ArtifactStore) -> float | None:
    """MiB by which resident memory grew over the second half of a pass, where it grew all along; None with few samples.

    The first half is left out: caches and arenas fill there. It grew all along when each quarter of what is left lies above
    the one before, by no less than half of what the first step was: a heap that meets larger frames now and then levels off.
    """
    samples = [s.rss_bytes for s in recording.memory_samples(artifacts) if s.rss_bytes]
    if len(samples) < LEAST:
        return None
    quarters = [float(np.median(q)) for q in np.array_split(np.array(samples[len(samples) // 2 :]), 4)]
    steps = [later - earlier for earlier, later in itertools.pairwise(quarters)]
    if min(steps) <= 0 or min(steps) < 0.5 * steps[0]:
        return 0.0
    return (quarters[-1] - quarters[0]) / MIB
