"""The delegate takes the operators that it took when the run was healthy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from farm.compare.delegation import delegated
from farm.report.document import Finding
from farm.report.words import layer_name

if TYPE_CHECKING:
    from farm.assess.evidence import Evidence

ONCE = True


def check(evidence: Evidence) -> Finding | None:
    """Against the baseline's profile; without one, only that a delegate took nothing at all."""
    if evidence.profile is None or evidence.submission.kernel != "delegate":
        return None
    graph, artifacts = evidence.graph, evidence.artifacts
    now = delegated(evidence.profile, graph, artifacts)
    if now is None:
        return None
    earlier = evidence.baseline
    then = delegated(earlier.profile, graph, artifacts) if earlier is not None and earlier.profile is not None else None
    if then is None or earlier is None:
        if now.taken:
            return None
        return Finding(
            assertion="fallback",
            holds=False,
            harmless=True,
            area="cost",
            summary=f"No operator of {len(graph.nodes)} ran in a delegate, though one was asked for",
            remedy="the runtime has no delegate for this model: see `farm lint`, or ask for --kernel builtin",
        )
    lost = sorted(then.taken & now.left)
    if not lost:
        return Finding(
            assertion="fallback", holds=True, area="cost", summary=f"The delegate takes what it took in {earlier.name}"
        )
    names = ", ".join(layer_name(n, graph.nodes[n].op) for n in lost[:3])
    return Finding(
        assertion="fallback",
        holds=False,
        area="cost",
        summary=f"{len(lost)} operators that a delegate ran in {earlier.name} fall back to the CPU's own kernels: {names}"
        f"{' ...' if len(lost) > 3 else ''}",
        evidence={"fallen back": float(len(lost)), "taken then": float(len(then.taken))},
        remedy="look at what changed: runtime, driver, accelerator, the model's types",
    )
