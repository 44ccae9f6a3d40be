"""Heat and clock caps did not spoil the figures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from farm.report.document import Finding
from farm.report.words import throttling_line

if TYPE_CHECKING:
    from farm.assess.evidence import Evidence

ONCE = True


def check(evidence: Evidence) -> Finding | None:
    """Applies where something throttled; that nothing is known of it is no finding."""
    if not evidence.costs.throttled:
        return None
    return Finding(
        assertion="throttling",
        holds=False,
        harmless=True,
        area="cost",
        summary="; ".join(throttling_line(t) for t in evidence.costs.throttled),
        remedy="let it cool down between passes ([conditions] in farm.toml), or read the figures as those of a hot device",
    )
