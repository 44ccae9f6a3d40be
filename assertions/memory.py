"""An inference takes no more memory than it did, and does not take more with each frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

from farm.compare.change import growth
from farm.report.document import Finding

if TYPE_CHECKING:
    from farm.assess.evidence import Evidence

ONCE = True
MIB = 1 << 20
MORE = 1.10
LEAST_MIB = 2.0
"""What allocators and page sizes make of the same work."""


def check(evidence: Evidence) -> Finding | None:
    """Applies where the device told the memory of the latency pass."""
    now = evidence.latency.peak_rss_bytes / MIB
    if not now:
        return None
    earlier = evidence.baseline
    then = earlier.latency.peak_rss_bytes / MIB if earlier is not None and earlier.latency is not None else 0.0
    if earlier is not None and then and now > then * MORE and now - then > LEAST_MIB:
        return Finding(
            assertion="memory",
            holds=False,
            area="cost",
            summary=f"It takes {now:.1f} MiB, {earlier.name} took {then:.1f}",
            evidence={"now MiB": now, "then MiB": then},
            remedy="look at what changed: runtime, delegate, threads",
        )
    leak = growth(evidence.latency, evidence.artifacts)
    if leak is not None and leak > LEAST_MIB:
        return Finding(
            assertion="memory",
            holds=False,
            harmless=True,
            area="cost",
            summary=f"Its memory grows with every frame, by {leak:.1f} MiB over the pass",
            evidence={"growth MiB": leak},
            remedy="look for what is kept from frame to frame",
        )
    than = f"; {earlier.name} took {then:.1f}" if earlier is not None and then else ""
    return Finding(assertion="memory", holds=True, area="cost", summary=f"It takes {now:.1f} MiB{than}")
