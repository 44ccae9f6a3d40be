"""A finding of the changes that concern one assertion."""

from __future__ import annotations

from typing import TYPE_CHECKING

from farm.report.document import Finding

if TYPE_CHECKING:
    from farm.assess.evidence import Evidence


def finding(evidence: Evidence, part: str) -> Finding | None:
    """What the device's input says against the assertion of this name; None when it says nothing."""
    seen, changes = evidence.explanation, evidence.changes(part)
    if seen is None or not changes:
        return None
    lines = dict.fromkeys(line for change in changes for line in change.lines)
    return Finding(
        assertion=part,
        holds=False,
        summary="The device " + " and ".join(change.words for change in changes),
        evidence={"residual": seen.residual, "without explanation": seen.unexplained},
        remedy=evidence.mend(", ".join(lines)),
    )
