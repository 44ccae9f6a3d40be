"""Answers, and objects, do not vanish for a single frame of a video."""

from __future__ import annotations

from typing import TYPE_CHECKING

from farm.compare.sequence import compared

if TYPE_CHECKING:
    from farm.assess.evidence import Evidence
    from farm.report.document import Finding

ONCE = True


def check(evidence: Evidence) -> Finding | None:
    """Applies to frames that follow each other; compared with what the reference does on the same ones."""
    found = evidence.fired("flicker")
    return None if found is None else compared("flicker", "Answers vanish", *found)
