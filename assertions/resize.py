"""Pictures are cropped, resized and fitted as for training."""

from __future__ import annotations

from typing import TYPE_CHECKING

from farm.assess.explain.finding import finding
from farm.report.document import Finding

if TYPE_CHECKING:
    from farm.assess.evidence import Evidence


def check(evidence: Evidence) -> Finding | None:
    """Applies to pictures, where the device's input was logged: accuracy alone cannot show it on few frames."""
    found = finding(evidence, "resize")
    if found is not None or evidence.recipe is None or evidence.recipe.kind != "image" or evidence.explanation is None:
        return found
    return Finding(assertion="resize", holds=True, summary="Nothing speaks for another crop or interpolation")
