"""Layers and outputs are numbers, and change with the input."""

from __future__ import annotations

from typing import TYPE_CHECKING

from farm.compare.values import look
from farm.report.document import Finding
from farm.report.words import layer_name, tensor_label

if TYPE_CHECKING:
    from farm.assess.evidence import Evidence

ONCE = True


def check(evidence: Evidence) -> Finding | None:
    """Applies to what was logged; a layer at fault is one whose counterpart in the reference is not."""
    reference = evidence.references[0] if evidence.references else None
    varied = len({frame.sha256 for frame in evidence.submission.frames}) > 1
    found = look(evidence.graph, evidence.artifacts, evidence.latency, evidence.layers, reference, varied=varied)
    if found is None:
        return Finding(
            assertion="values", holds=True, summary="Layers and outputs are numbers, and change with the input"
        )
    where = f"{layer_name(found.node, found.op)} ({tensor_label(found.tensor)})"
    what = f"has {found.what}" if found.what in {"NaN", "infinity"} else f"is {found.what}"
    return Finding(
        assertion="values",
        holds=False,
        summary=f"{where} {what} in {found.frames} of {found.of} frames"
        f"{', and so has the reference: the model makes it' if found.shared else ''}",
        evidence={"layer": where, "frames": float(found.frames)},
        remedy="look at what goes into this layer, and at its weights (`farm lint`)",
    )
