"""Texts become the token ids that the model was trained with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from farm.assess.explain.finding import finding
from farm.report.document import Finding

if TYPE_CHECKING:
    from farm.assess.evidence import Evidence


def check(evidence: Evidence) -> Finding | None:
    """Applies to texts, where the device's input was logged."""
    found = finding(evidence, "text")
    if found is not None or evidence.recipe is None or evidence.recipe.kind != "text" or evidence.explanation is None:
        return found
    return Finding(
        assertion="text", holds=True, summary="Nothing speaks for another vocabulary, casing, padding or truncation"
    )
