"""What a gate needs before it can answer: frames, invocations or runs of each condition."""

from __future__ import annotations

from typing import TYPE_CHECKING

from farm.gate import budget, sizes
from farm.gate.answer import Explanation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from farm.gate.budget import Adaptivity
    from farm.gate.condition import Condition

DIFFER = 0.1
"""Share of frames that old and new answer differently, where nobody says another: ease.ml/ci's example."""


def explain(
    subject: str,
    conditions: Sequence[Condition],
    *,
    confidence: float,
    steps: int,
    adaptivity: Adaptivity,
    cells: int,
    differ: float,
    over_runs: bool = False,
) -> Explanation:
    """Needs of all conditions of a gate, on so many models x devices; the rest as in `sizes.need`."""
    return Explanation(
        subject=subject,
        needs=tuple(
            sizes.need(one, alpha(one, conditions, confidence, cells, adaptivity, steps), differ, over_runs=over_runs)
            for one in conditions
        ),
        cells=cells,
        steps=steps,
        adaptivity=adaptivity,
        confidence=confidence,
    )


def alpha(
    condition: Condition,
    conditions: Sequence[Condition],
    confidence: float,
    cells: int,
    adaptivity: Adaptivity,
    steps: int,
) -> float:
    """Of each limit of one condition: its own confidence, or the gate's, shared with all that are promised beside it."""
    promised = sum(one.confidence != 0 for one in conditions)
    if condition.confidence == 0:
        return 1.0
    courses = budget.courses(adaptivity, steps) if uses_test_set(condition) else 1
    return budget.alpha(
        confidence if condition.confidence is None else condition.confidence,
        conditions=promised, cells=cells, courses=courses,
    )  # fmt: skip


def uses_test_set(condition: Condition) -> bool:
    """Whether its answer is one of a test set's: costs are measured anew each time."""
    return "frames" in condition.counted and condition.confidence != 0
