"""Answers, and objects, do not vanish for a single frame of a video."""

from __future__ import annotations

from typing import TYPE_CHECKING

from farm.report.document import Finding

if TYPE_CHECKING:
    from farm.assess.evidence import Evidence

ONCE = True


def check(evidence: Evidence) -> Finding | None:
    """Applies to frames that follow each other; compared with what the reference does on the same ones."""
    found = evidence.fired("flicker")
    if found is None:
        return None
    mine, other = found
    more = mine.count > other.count
    first = f", worst at {mine.frames[0].name}" if mine.frames else ""
    return Finding(
        assertion="flicker",
        holds=not more,
        harmless=True,
        summary=f"Answers vanish for a frame {mine.count} times in {mine.windows}{first}; the reference's {other.count} times",
        evidence={"fired": float(mine.count), "reference": float(other.count), "worst": mine.worst},
    )
