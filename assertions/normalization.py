"""Values reach the model in the range it was trained with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from farm.assess.ranges import line, of_recipe, seen_by, words
from farm.report.document import Finding

if TYPE_CHECKING:
    from farm.assess.evidence import Evidence


def check(evidence: Evidence) -> Finding | None:
    """Applies wherever the device's input was logged, or labels can judge alternatives."""
    if not evidence.pipeline_examined:
        return None
    recipe, seen, change = evidence.recipe, evidence.transform, evidence.change("normalization")
    if seen is not None and "normalization" in seen.parts:
        expected = "its inputs as they are" if recipe is None else words(of_recipe(recipe))
        fed = (
            f"values beyond what the input can hold ({seen.saturated:.0%} stick at its limits)"
            if seen.saturated
            else words(seen_by(seen, recipe))
        )
        return Finding(
            assertion="normalization",
            holds=False,
            summary=f"The device feeds {fed} where the model expects {expected}",
            evidence={"residual": seen.residual, "without explanation": seen.unexplained},
            remedy="feed the inputs unchanged" if recipe is None else evidence.mend(line(recipe.normalize)),
        )
    if change is not None and recipe is not None:
        return Finding(
            assertion="normalization",
            holds=False,
            summary=f"The device feeds {words(of_recipe(recipe))} "
            f"where the model expects {words(of_recipe(change.recipe))}",
            evidence={"right": change.before, "right after the change": change.after, "p_value": change.p_value},
            remedy=line(change.recipe.normalize),
        )
    return Finding(assertion="normalization", holds=True, summary="Nothing speaks for another range of values")
