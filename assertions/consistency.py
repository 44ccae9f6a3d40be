"""An object of a video keeps its class from frame to frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

from farm.report.document import Finding

if TYPE_CHECKING:
    from farm.assess.evidence import Evidence

ONCE = True


def check(evidence: Evidence) -> Finding | None:
    """Applies to detectors on frames that follow each other; compared with the reference on the same ones."""
    found = evidence.fired("consistency")
    if found is None:
        return None
    mine, other = found
    first = f", worst at {mine.frames[0].name}" if mine.frames else ""
    return Finding(
        assertion="consistency",
        holds=mine.count <= other.count,
        harmless=True,
        summary=f"Objects change their class for a frame {mine.count} times in {mine.windows}{first}; "
        f"the reference's {other.count} times",
        evidence={"fired": float(mine.count), "reference": float(other.count), "worst": mine.worst},
    )
