"""The model's calibration fits what it is fed, and its file holds no fault of quantization.

From the file (`farm lint`): saturated biases, ranges that do not hold what the recipe feeds, scales and zero points that kernels
read otherwise. From captures: ranges that cut the layers' values off, or are far too wide for them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from farm.compare.quantization import cut_off
from farm.model.feeds import of_input, of_recipe, words
from farm.model.lint import lint_stored
from farm.model.rules.inputs import TOLERANCE, lost
from farm.report.document import Finding
from farm.report.words import tensor_label

if TYPE_CHECKING:
    from farm.assess.evidence import Evidence
    from farm.report.quantization import Issue

REMEDY = "quantize again, with representative inputs that went through this recipe"
RECIPE = frozenset({"input-cut", "input-unused"})
"""Rules about the recipe, which is judged here with its own words."""
NOT_OF_QUANTIZATION = frozenset({"output-constant", "constant-size", "weights-not-finite"})


def check(evidence: Evidence) -> Finding | None:
    """Applies to models with a quantized input or quantized layers."""
    graph = evidence.graph
    if not any(graph.tensors[t].scale for node in graph.nodes for t in node.outputs if t >= 0):
        return None
    found = lint_stored(evidence.artifacts, evidence.submission.model_sha256, evidence.recipe)
    faults = [i for i in found.of("error") if i.rule not in RECIPE | NOT_OF_QUANTIZATION]
    return _in_file(faults) or _in_input(evidence) or _in_captures(evidence) or _holds(evidence)


def _in_file(faults: list[Issue]) -> Finding | None:
    biases = [i for i in faults if i.rule == "bias-saturated"]
    if biases:
        counted = f"{len(biases)} biases of the model are" if len(biases) > 1 else "1 bias of the model is"
        return Finding(
            assertion="quantization",
            holds=False,
            summary=f"{counted} saturated, first in {biases[0].tensor}: a layer was calibrated on a degenerate range",
            evidence={"saturated biases": len(biases)},
            remedy=REMEDY,
        )
    if faults:
        more = f" (and {len(faults) - 1} more: farm lint)" if len(faults) > 1 else ""
        return Finding(
            assertion="quantization",
            holds=False,
            summary=f"{faults[0].what}: {faults[0].why}{more}",
            evidence={"rule": faults[0].rule, "faults": len(faults)},
            remedy=faults[0].remedy,
        )
    return None


def _in_input(evidence: Evidence) -> Finding | None:
    held = of_input(evidence.graph)
    if evidence.recipe is None or evidence.recipe.kind != "image" or held is None:
        return None
    fed = of_recipe(evidence.recipe)
    low, high = min(a for a, _ in fed), max(b for _, b in fed)
    share = lost(held, fed)
    if share <= TOLERANCE:
        return None
    return Finding(
        assertion="quantization",
        holds=False,
        summary=f"The model's input was calibrated for {words((held,))}, the recipe feeds {words(fed)}: "
        f"{share:.0%} of the range is cut off, so the recipe or the calibration is wrong",
        evidence={"calibrated low": held[0], "calibrated high": held[1], "fed low": low, "fed high": high},
        remedy=REMEDY,
    )


def _in_captures(evidence: Evidence) -> Finding | None:
    """With the float model: ranges against its values. Without: values at an end that nothing but the range sets."""
    climb = evidence.climb
    if climb is not None and climb.ranges is not None:
        cuts = climb.calibration(evidence.weights(climb.ranges.cut.shape[1]))
        if not cuts:
            return None
        more = f"; so are {len(cuts) - 1} more tensors" if len(cuts) > 1 else ""
        return Finding(
            assertion="quantization",
            holds=False,
            summary=f"{cuts[0].words()}{more}: the calibration does not fit these frames",
            evidence={"layer": cuts[0].layer.label, "cut off": cuts[0].beyond, "tensors": len(cuts)},
            remedy=REMEDY,
        )
    pinned = cut_off(evidence.quantization.layers) if evidence.quantization is not None else ()
    if not pinned:
        return None
    worst = max(pinned, key=lambda layer: layer.pinned)
    return Finding(
        assertion="quantization",
        holds=False,
        harmless=True,  # the reference's values end there, too: only the float model tells whether that costs answers
        summary=f"{worst.pinned:.0%} of the values of {worst.node} {worst.op} {tensor_label(worst.tensor)} are at the end of its "
        "range, where nothing but the range stops them: its calibration cuts them off",
        evidence={"at the end": worst.pinned, "layers": len(pinned)},
        remedy="--float MODEL tells whether that costs answers",
    )


def _holds(evidence: Evidence) -> Finding:
    held = of_input(evidence.graph)
    known = evidence.recipe is not None and evidence.recipe.kind == "image" and held is not None
    layers = evidence.quantization.layers if evidence.quantization is not None else ()
    figures: dict[str, float | str] = {}
    if layers:
        idle = max(layers, key=lambda layer: layer.dead_range)
        figures = {"greatest dead range": idle.dead_range, "of": f"{idle.node} {idle.op}"}
    if not known or evidence.recipe is None:
        return Finding(
            assertion="quantization", holds=True, summary="No bias of the model is saturated", evidence=figures
        )
    return Finding(
        assertion="quantization",
        holds=True,
        summary=f"The model's input holds {words(of_recipe(evidence.recipe))}; no bias is saturated",
        evidence=figures,
    )
