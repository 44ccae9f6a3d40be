"""Two variants on one device, interleaved: what B costs and answers, against A."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from farm.compare.accuracy import paired
from farm.compare.answers import answers, is_classifier
from farm.compare.latency import latency
from farm.errors import BugError
from farm.report.document import Pair, Side, Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from farm.capture.recording import Recording
    from farm.compare.answers import Answers
    from farm.model.graph import Graph
    from farm.store.artifacts import ArtifactStore

    Array = np.ndarray[Any, Any]

RESAMPLES = 2000
SEED = 20220831
LEVEL = 0.05


@dataclass(frozen=True)
class Variants:
    """One variant's rounds, oldest first: recordings of its `latency` pass over the same frames."""

    name: str
    graph: Graph
    model: str
    rounds: tuple[Recording, ...]


def compare_pair(a: Variants, b: Variants, labels: Sequence[int | None], artifacts: ArtifactStore) -> Pair:
    """Compare rounds taken in turn: a[0], b[0], a[1], b[1], ...; `labels` by frame, None where there is none.

    Raises:
        BugError: the rounds are not of equal number, or hold no times.
    """
    if not a.rounds or len(a.rounds) != len(b.rounds):
        raise BugError(f"{len(a.rounds)} rounds of A, {len(b.rounds)} of B", where="pair", remedy="please report it")
    times_a, times_b = (np.array([_median_ms(r, artifacts) for r in side.rounds]) for side in (a, b))
    ratio, interval = _ratio(times_a, times_b)
    agreement, p_value, top1 = _answers(a, b, labels, artifacts)
    return Pair(
        a=_side(a, top1[0], artifacts),
        b=_side(b, top1[1], artifacts),
        rounds=len(a.rounds),
        frames=len(a.rounds[0].frames),
        latency_ratio=ratio,
        latency_interval=interval,
        noise_ratio=_ratio(times_a[:-1], times_a[1:])[0] if len(times_a) > 1 else 1.0,
        agreement=agreement,
        p_value=p_value,
    )


def conclude(pair: Pair) -> Verdict:
    """A difference in time is named; a loss of accuracy that chance does not explain fails.

    A difference of accuracy the other way, or one that chance may explain, passes.
    """
    low, high = pair.latency_interval
    told = f"{pair.b.name} takes {pair.latency_ratio:.3f}x the time of {pair.a.name} [{low:.3f}, {high:.3f}]"
    if low <= 1 <= high:
        told = (
            f"no difference in time: {pair.b.name} / {pair.a.name} is {pair.latency_ratio:.3f} [{low:.3f}, {high:.3f}]"
        )
    kind, cause, remedy = "pass", "none", ""
    if pair.agreement is not None:
        told += f"; the same top-1 on {pair.agreement:.1%} of the frames"
    if pair.p_value is not None and pair.a.top1 is not None and pair.b.top1 is not None:
        told += f"; top-1 {pair.a.top1:.3f} and {pair.b.top1:.3f} (p = {pair.p_value:.2g})"
        if pair.p_value < LEVEL and pair.b.top1 < pair.a.top1:
            kind, cause = "fail", "accuracy"
            remedy = "submit each of them alone: its layers show where they part"
    return Verdict.model_validate(
        {"kind": kind, "cause": cause, "summary": told, "confidence": 1.0, "n": pair.rounds, "remedy": remedy}
    )


def _ratio(a: Array, b: Array) -> tuple[float, tuple[float, float]]:
    """Median of b/a over paired rounds [n], with its 95 % percentile bootstrap interval; seeded."""
    logs = np.log(b) - np.log(a)
    random = np.random.default_rng(SEED)
    medians = np.median(logs[random.integers(0, len(logs), (RESAMPLES, len(logs)))], axis=1)
    low, high = np.percentile(medians, [2.5, 97.5])
    return math.exp(float(np.median(logs))), (math.exp(float(low)), math.exp(float(high)))


def _median_ms(recording: Recording, artifacts: ArtifactStore) -> float:
    found = latency(recording, artifacts)
    if found is None:
        raise BugError("a round without times", where=recording.header.source, remedy="please report it")
    return max(found.median, 1e-6)


def _side(of: Variants, top1: float | None, artifacts: ArtifactStore) -> Side:
    found = [figures for r in of.rounds if (figures := latency(r, artifacts)) is not None]
    middle = sorted(found, key=lambda figures: figures.median)[len(found) // 2]
    peaks = [point.memory_mb for figures in found for point in figures.timeline if point.memory_mb is not None]
    return Side(
        name=of.name, model=of.model, latency_ms=middle, memory_mb=max(peaks) if peaks else None, top1=top1
    )  # fmt: skip


def _answers(
    a: Variants, b: Variants, labels: Sequence[int | None], artifacts: ArtifactStore
) -> tuple[float | None, float | None, tuple[float | None, float | None]]:
    """Agreement, McNemar's p, and both accuracies, from the first round; None where the models do not classify alike."""
    nothing = None, None, (None, None)
    if not (is_classifier(a.graph) and is_classifier(b.graph)):
        return nothing
    frames = sorted(a.rounds[0].frames)
    known = [labels[f] for f in frames]
    first: list[Answers] = [answers(s.rounds[0], s.graph, artifacts, frames, known) for s in (a, b)]
    if first[0].classes != first[1].classes:
        return nothing
    agreement = float((first[0].top1 == first[1].top1).mean())
    told = np.array([label is not None for label in known])
    if not told.any():
        return agreement, None, (None, None)
    right = [one.right[told] for one in first]
    return agreement, paired(*right), (float(right[0].mean()), float(right[1].mean()))
