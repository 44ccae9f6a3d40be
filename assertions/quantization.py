"""The model's quantized input can hold what the recipe feeds it, and its biases are not saturated.

Both are read from the file alone: a calibration with wrong inputs leaves them behind.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from farm.assess.ranges import of_input, of_recipe, saturated_biases, words
from farm.report.document import Finding

if TYPE_CHECKING:
    from farm.assess.evidence import Evidence

TOLERANCE = 0.05
"""Share of the recipe's range that may lie outside of the input's: calibration rounds its limits."""
REMEDY = "quantize again, with representative inputs that went through this recipe"


def check(evidence: Evidence) -> Finding | None:
    """Applies to models with a quantized input or quantized layers."""
    graph = evidence.graph
    if not any(graph.tensors[t].scale for node in graph.nodes for t in node.outputs if t >= 0):
        return None
    biases = saturated_biases(evidence.artifacts, evidence.submission.model_sha256)
    if biases:
        return Finding(
            assertion="quantization",
            holds=False,
            summary=f"{len(biases)} biases of the model are saturated, first in {biases[0]}: "
            "a layer was calibrated on a degenerate range",
            evidence={"saturated biases": len(biases)},
            remedy=REMEDY,
        )
    held = of_input(graph)
    if evidence.recipe is None or held is None:
        return Finding(assertion="quantization", holds=True, summary="No bias of the model is saturated")
    fed = of_recipe(evidence.recipe)
    low, high = min(a for a, _ in fed), max(b for _, b in fed)
    lost = (max(0.0, held[0] - low) + max(0.0, high - held[1])) / (high - low)
    if lost > TOLERANCE:
        return Finding(
            assertion="quantization",
            holds=False,
            summary=f"The model's input was calibrated for {words((held,))}, the recipe feeds {words(fed)}: "
            f"{lost:.0%} of the range is cut off, so the recipe or the calibration is wrong",
            evidence={"calibrated low": held[0], "calibrated high": held[1], "fed low": low, "fed high": high},
            remedy=REMEDY,
        )
    return Finding(
        assertion="quantization", holds=True, summary=f"The model's input holds {words(fed)}; no bias is saturated"
    )
