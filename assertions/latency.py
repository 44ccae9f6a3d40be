"""An inference takes no longer than it did, and no layer takes far more time than its work explains."""

from __future__ import annotations

from typing import TYPE_CHECKING

from farm.assess.stragglers import stragglers
from farm.compare.change import slowdown
from farm.report.document import Finding
from farm.report.words import layer_name

if TYPE_CHECKING:
    from farm.assess.evidence import Evidence

ONCE = True
SLOWER = 1.10
"""Two processes of the same binary differ by a few percent; what is beyond this is a change."""


def check(evidence: Evidence) -> Finding | None:
    """Against the baseline where one is given; else, where layers were timed, within the run."""
    earlier, artifacts = evidence.baseline, evidence.artifacts
    if earlier is not None and earlier.latency is not None:
        found = slowdown(evidence.latency, earlier.latency, artifacts)
        if found is not None:
            figures = f"{found.now_ms:.3g} ms, {found.ratio:.2f} times {earlier.name}'s {found.then_ms:.3g} ms"
            sure = f"95 %: {found.low:.2f} to {found.high:.2f}"
            slower = found.low > SLOWER
            throttled = "; it was throttled" if evidence.costs.throttled else ""
            return Finding(
                assertion="latency",
                holds=not slower,
                area="cost",
                summary=f"An inference takes {figures} ({sure}){throttled}",
                evidence={"ratio": found.ratio, "low": found.low, "high": found.high},
                remedy="look at what changed: runtime, kernels, clocks (`farm compare` has the layers' times)"
                if slower
                else "",
            )
    worst = stragglers(evidence.profile or evidence.layers, evidence.graph, artifacts)
    if worst is None:
        return None
    if not worst:
        return Finding(
            assertion="latency", holds=True, area="cost", summary="No layer takes far more time than its work explains"
        )
    first = worst[0]
    name = layer_name(first.node, first.op)
    return Finding(
        assertion="latency",
        holds=False,
        harmless=True,
        area="cost",
        summary=f"{name} takes {first.share:.0%} of the time for {first.work:.1%} of the work, "
        f"{first.times:.0f} times what the other layers need for as much",
        evidence={"share of time": first.share, "share of work": first.work, "layers like it": float(len(worst))},
        remedy="its kernel may be a slow one: compare `--kernel delegate,builtin`, or change the layer",
    )
