"""The camera's YUV frames become RGB by the rule they were written by."""

from __future__ import annotations

from typing import TYPE_CHECKING

from farm.assess.explain.finding import finding
from farm.report.document import Finding

if TYPE_CHECKING:
    from farm.assess.evidence import Evidence


def check(evidence: Evidence) -> Finding | None:
    """Applies to pictures, where the device's input was logged."""
    found = finding(evidence, "color")
    if found is not None or evidence.recipe is None or evidence.recipe.kind != "image" or evidence.explanation is None:
        return found
    return Finding(assertion="color", holds=True, summary="Nothing speaks for another conversion of colors")
