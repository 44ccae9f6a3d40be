"""An object of a video keeps its class from frame to frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

from farm.compare.sequence import compared

if TYPE_CHECKING:
    from farm.assess.evidence import Evidence
    from farm.report.document import Finding

ONCE = True


def check(evidence: Evidence) -> Finding | None:
    """Applies to detectors on frames that follow each other; compared with the reference on the same ones."""
    found = evidence.fired("consistency")
    return None if found is None else compared("consistency", "Objects change their class", *found)
