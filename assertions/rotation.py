"""Pictures reach the model upright, and not mirrored."""

from __future__ import annotations

from typing import TYPE_CHECKING

from farm.report.document import Finding

if TYPE_CHECKING:
    from farm.assess.evidence import Evidence


def check(evidence: Evidence) -> Finding | None:
    """Applies to pictures."""
    if evidence.recipe is None or not evidence.pipeline_examined:
        return None
    wanted, seen, change = evidence.recipe.rotate, evidence.transform, evidence.change("rotation")
    if seen is not None and "rotation" in seen.parts:
        turned = f"turned by {seen.shape.rotate} degrees counter-clockwise" if seen.shape.rotate else ""
        mirrored = "mirrored left to right" if seen.shape.mirror else ""
        return Finding(
            assertion="rotation",
            holds=False,
            summary=f"The device feeds pictures {' and '.join(filter(None, (turned, mirrored)))}",
            evidence={"residual": seen.residual, "without explanation": seen.unexplained},
            remedy=evidence.mend(f"rotate = {wanted}") if turned else "do not mirror the picture",
        )
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
