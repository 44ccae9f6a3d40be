"""Energy of an inference beyond idling: a pure function of power samples, the invocations' windows and the idle window."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from farm.report.measures import Energy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from farm.run.samplers.power import Supply

    Array = np.ndarray[Any, Any]

LEAST_SAMPLES = 10
"""During the invocations."""
LEAST_IDLE = 3
LEAST_FRESH = 3
"""Different readings of a gauge, which refreshes more slowly than it is read."""
RESAMPLES = 2000
SEED = 20220831
NS = 1e9


def energy(
    supply: Supply, windows: Sequence[tuple[int, int]], idle: tuple[int, int] | None, *, state: str, virtual: bool
) -> Energy:
    """`windows`: begin and end of every invocation in time, ns on the clock of the samples; `idle`: of the baseline.

    Power is a straight line between two samples. Its integral over the windows, less the idle mean over as long, by the
    number of invocations. Where the samples do not support a figure there is none, and `reason` says why.
    """
    times = np.array([t for t, _ in supply.points], np.float64)
    watts = np.array([w for _, w in supply.points], np.float64)
    order = np.argsort(times, kind="stable")
    times, watts = times[order], watts[order]
    inside = _between(times, (windows[0][0], windows[-1][1])) if windows else np.zeros(0, np.int64)
    resting = _between(times, idle) if idle is not None else np.zeros(0, np.int64)
    told = Energy(
        boundary=supply.boundary,
        source=supply.source,
        per_inference_mj=None,
        idle_s=round((idle[1] - idle[0]) / NS, 3) if idle is not None else 0.0,
        state=state,
        charging=supply.charging,
        samples=len(inside),
        idle_samples=len(resting),
        inferences=len(windows),
        units=supply.units,
        virtual=virtual,
    )
    reason = supply.problem or _unsupported(supply, watts, inside, resting, idle)
    if reason:
        return told.model_copy(update={"reason": reason})
    weights = _weights(times, windows)
    seconds = sum(end - start for start, end in windows) / NS
    used = np.flatnonzero(weights)
    active, baseline = float(weights[used] @ watts[used]) / seconds, float(watts[resting].mean())
    means = _resampled(watts[used], weights[used]) - _resampled(watts[resting], np.ones(len(resting)), 1)
    low, high = np.percentile(means * seconds / len(windows) * 1e3, [2.5, 97.5])
    return told.model_copy(
        update={
            "per_inference_mj": (active - baseline) * seconds / len(windows) * 1e3,
            "interval_mj": (float(low), float(high)),
            "active_w": active,
            "baseline_w": baseline,
        }
    )


def _unsupported(supply: Supply, watts: Array, inside: Array, resting: Array, idle: tuple[int, int] | None) -> str:
    if not np.isfinite(watts).all():
        return "a sample is no number"
    if idle is None:
        return "no idle baseline was measured: set samples.idle_s"
    if len(inside) < LEAST_SAMPLES:
        return f"{len(inside)} samples during the invocations, at least {LEAST_SAMPLES} are needed: more frames or repetitions"
    if len(resting) < LEAST_IDLE:
        return f"{len(resting)} samples while idle, at least {LEAST_IDLE} are needed: raise samples.idle_s"
    fresh = 1 + int(np.count_nonzero(np.diff(watts[inside])))
    if supply.boundary == "battery" and fresh < LEAST_FRESH:
        return f"its gauge gave {fresh} different readings during the invocations, at least {LEAST_FRESH} are needed"
    return ""


def _between(times: Array, window: tuple[int, int]) -> Array:
    found: Array = np.flatnonzero((times >= window[0]) & (times < window[1]))
    return found


def _weights(times: Array, windows: Sequence[tuple[int, int]]) -> Array:
    """Seconds by which each sample counts in the integral over the windows; before the first sample and after the last one
    power stays what it was there."""
    starts, ends = np.asarray(windows, np.float64).T
    edges = np.unique(np.concatenate((starts, ends, times)))
    middles, lengths = (edges[1:] + edges[:-1]) / 2, np.diff(edges)
    window = np.searchsorted(starts, middles, "right") - 1
    within = (window >= 0) & (middles < ends[np.maximum(window, 0)])
    middles, lengths = middles[within], lengths[within]
    after = np.searchsorted(times, middles)
    right, left = np.minimum(after, len(times) - 1), np.maximum(after - 1, 0)
    span = times[right] - times[left]
    share = np.where(span > 0, (middles - times[left]) / np.where(span > 0, span, 1), 0)  # a line's mean is its middle
    weights = np.zeros(len(times))
    np.add.at(weights, left, lengths * (1 - share))
    np.add.at(weights, right, lengths * share)
    found: Array = weights / NS
    return found


def _resampled(watts: Array, weights: Array, shift: int = 0) -> Array:
    """Weighted means of circular block resamples [RESAMPLES]: neighbors in time resemble each other, and stay together."""
    n = len(watts)
    fresh = 1 + int(np.count_nonzero(np.diff(watts)))
    length = min(n, max(math.ceil(n ** (1 / 3)), math.ceil(n / fresh)))
    random = np.random.default_rng(SEED + shift)
    starts = random.integers(0, n, (RESAMPLES, math.ceil(n / length)))
    picked = ((starts[:, :, None] + np.arange(length)) % n).reshape(RESAMPLES, -1)[:, :n]
    heavy = weights[picked]
    found: Array = (heavy * watts[picked]).sum(axis=1) / heavy.sum(axis=1)
    return found
