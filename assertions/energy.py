"""An inference takes no more energy than it did."""

from __future__ import annotations

from typing import TYPE_CHECKING

from farm.report.document import Finding

if TYPE_CHECKING:
    from farm.assess.evidence import Evidence
    from farm.report.measures import Energy

ONCE = True


def check(evidence: Evidence) -> Finding | None:
    """Applies where the run and its baseline have a figure at the same boundary."""
    if evidence.baseline is None:
        return None
    then = {e.boundary: e for e in evidence.baseline.energy if e.interval_mj is not None}
    for now in evidence.costs.energy:
        before = then.get(now.boundary)
        if before is not None and now.interval_mj is not None and before.interval_mj is not None:
            more = now.interval_mj[0] > before.interval_mj[1]
            return Finding(
                assertion="energy",
                holds=not more,
                area="cost",
                summary=f"An inference takes {_words(now)} at the {now.boundary}, "
                f"{evidence.baseline.name}'s took {_words(before)}",
                evidence={"now mJ": now.per_inference_mj or 0.0, "then mJ": before.per_inference_mj or 0.0},
                remedy="look at what changed: runtime, delegate, clocks, screen" if more else "",
            )
    return None


def _words(energy: Energy) -> str:
    low, high = energy.interval_mj or (0.0, 0.0)
    return f"{energy.per_inference_mj:.3g} mJ ({low:.3g} to {high:.3g})"
