"""Values reach the model in the range it was trained with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from farm.assess.explain.finding import finding
from farm.assess.ranges import line
from farm.model.feeds import of_recipe, words
from farm.report.document import Finding

if TYPE_CHECKING:
    from farm.assess.evidence import Evidence


def check(evidence: Evidence) -> Finding | None:
    """Applies wherever the device's input was logged, or labels can judge alternatives."""
    found = finding(evidence, "normalization")
    if found is not None or not evidence.pipeline_examined:
        return found
    recipe, change = evidence.recipe, evidence.change("normalization")
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
