"""Answers are as sure, frame by frame, as the reference's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from farm.compare.drift import drift
from farm.report.document import Finding

if TYPE_CHECKING:
    from farm.assess.evidence import Evidence

ONCE = True
LEAST = 0.02
"""Share of all scores by which the best one must have moved."""


def check(evidence: Evidence) -> Finding | None:
    """Applies to classifiers: against the baseline's outputs where they are of the same frames, else the reference's."""
    earlier = evidence.baseline
    other, name = evidence.outputs, evidence.outcomes.reference_name
    if earlier is not None and earlier.latency is not None:
        other, name = earlier.latency, earlier.name
    if other is None:
        return None
    found = drift(evidence.latency, other, evidence.graph, evidence.artifacts)
    if found is None:
        return None
    moved = found.p_value < 0.01 and abs(found.change) >= LEAST
    word = "less" if found.change < 0 else "more"
    return Finding(
        assertion="drift",
        holds=not moved,
        harmless=earlier is None,
        summary=f"Answers are {word} sure than {name}'s: the best score has {found.now:.0%} of all instead of {found.then:.0%}"
        if moved
        else f"Answers are as sure as {name}'s",
        evidence={"change": found.change, "p_value": found.p_value, "frames": float(found.n)},
        remedy="outputs moved without the answers: look at the first layer that diverges" if moved else "",
    )
