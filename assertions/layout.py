"""Values are where the model looks for them, in the bits it expects."""

from __future__ import annotations

from typing import TYPE_CHECKING

from farm.assess.explain.finding import finding
from farm.report.document import Finding

if TYPE_CHECKING:
    from farm.assess.evidence import Evidence


def check(evidence: Evidence) -> Finding | None:
    """Applies where the device's input was logged."""
    found = finding(evidence, "layout")
    if found is not None or evidence.explanation is None:
        return found
    return Finding(assertion="layout", holds=True, summary="Nothing speaks for another order of values, rows or bytes")
