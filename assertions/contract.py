"""The inputs keep the data contract that was given with the job."""

from __future__ import annotations

from typing import TYPE_CHECKING

from farm.compare import contract as contracts
from farm.compare.features import table
from farm.report.document import Finding

if TYPE_CHECKING:
    from farm.assess.evidence import Evidence

ONCE = True


def check(evidence: Evidence) -> Finding | None:
    """Applies where a contract was given and inputs were logged."""
    if not evidence.submission.contract or evidence.layers is None:
        return None
    contract = contracts.read(evidence.artifacts.read(evidence.submission.contract), "--contract")
    found = contracts.check(contract, [evidence.layers], table([(evidence.layers, evidence.artifacts)]))
    if found.holds:
        return Finding(
            assertion="contract",
            holds=True,
            area="user",
            summary=f"The inputs of {found.frames} frames keep the contract",
        )
    terms = [f"{v.field} {v.what} is {v.got}, expected {v.expected}" for v in found.violations]
    if found.shift is not None and found.shift.shifted:
        terms.append(f"{found.shift.features[0].name} is distributed otherwise (p = {found.shift.p_value:.2g})")
    return Finding(
        assertion="contract",
        holds=False,
        area="user",
        summary=f"The inputs break the contract: {'; '.join(terms[:3])}",
        evidence={"broken terms": float(len(terms)), "frames": float(found.frames)},
        remedy="feed what the reference pipeline feeds, or learn the contract anew",
    )
