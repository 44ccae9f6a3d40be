"""Sound is cut, turned into features and ordered as for training."""

from __future__ import annotations

from typing import TYPE_CHECKING

from farm.assess.explain.finding import finding
from farm.report.document import Finding

if TYPE_CHECKING:
    from farm.assess.evidence import Evidence


def check(evidence: Evidence) -> Finding | None:
    """Applies to clips, where the device's input was logged."""
    found = finding(evidence, "audio")
    if found is not None or evidence.recipe is None or evidence.recipe.kind != "audio" or evidence.explanation is None:
        return found
    return Finding(assertion="audio", holds=True, summary="Nothing speaks for other features or another order in time")
