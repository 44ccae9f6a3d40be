"""What becomes of the model's outputs: class indices meet their labels, and scores and boxes arrive as the model gave them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from farm.report.document import Finding

if TYPE_CHECKING:
    from farm.assess.evidence import Evidence


def check(evidence: Evidence) -> Finding | None:
    """Applies where the layers do not say that the outputs were computed wrongly."""
    if evidence.layers_diverge:
        return None
    seen, change, shift = evidence.explanation, evidence.outcomes.change, evidence.shift
    if change is not None and (seen is None or seen.kind == "agrees"):
        return Finding(
            assertion="postprocessing",
            holds=False,
            summary=f"Every layer agrees, yet in {change.output} {change.words}",
            evidence={"residual": change.residual, "frames": change.frames},
            remedy="give the outputs as the model has them",
        )
    if shift is not None:
        return Finding(
            assertion="postprocessing",
            holds=False,
            summary=f"Class indices are off by {shift.by:+d} from the labels",
            evidence={"right": shift.right, "right when shifted": shift.shifted, "p_value": shift.p_value},
            remedy="number the labels as the model numbers its classes, the background's included"
            if abs(shift.by) == 1
            else "use the list of classes that the model was trained with",
        )
    return Finding(assertion="postprocessing", holds=True, summary="Answers arrive as the model gave them")
