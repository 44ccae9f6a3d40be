"""Inputs reach the model upright, and not mirrored."""

from __future__ import annotations

from typing import TYPE_CHECKING

from farm.assess.explain.finding import finding
from farm.report.document import Finding

if TYPE_CHECKING:
    from farm.assess.evidence import Evidence


def check(evidence: Evidence) -> Finding | None:
    """Applies to pictures, and to tensors in reverse order."""
    found = finding(evidence, "rotation")
    recipe = evidence.examined
    if found is not None or recipe is None or recipe.kind != "image":
        return found
    wanted, change = recipe.rotate, evidence.change("rotation")
    if change is not None:
        turned = f"turned by {(wanted - change.recipe.rotate) % 360} degrees counter-clockwise"
        return Finding(
            assertion="rotation",
            holds=False,
            summary=f"The device feeds pictures {turned}",
            evidence={"right": change.before, "right after the change": change.after, "p_value": change.p_value},
            remedy=f"rotate = {change.recipe.rotate}",
        )
    return Finding(assertion="rotation", holds=True, summary="Nothing speaks for another orientation")
