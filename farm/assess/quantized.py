"""What quantization does to a run's model: its file's faults, and each layer against the float model or the first reference."""

from __future__ import annotations

from typing import TYPE_CHECKING

from farm.assess.floattwin import Twin
from farm.compare import rung
from farm.compare.isolated import OwnError
from farm.compare.layers import is_quantized, own_limit
from farm.compare.quantization import measure, origins
from farm.compare.twin import values
from farm.model.lint import lint_stored
from farm.report.quantization import LayerQuantization, Quantization

if TYPE_CHECKING:
    from farm.assess.evidence import Evidence
    from farm.assess.gather import Room
    from farm.errors import JobError

FAST = "litert"
DIVERGES = 0.05
"""nRMSE against float above which a layer is looked into; healthy 8-bit models that accumulate noise show some hundredths."""


def examine(room: Room, evidence: Evidence, twin: Twin | JobError | None) -> Quantization | None:
    """Of a model with quantized layers; None for others. The twin, where there is one, ran already: its layers are cached.

    Raises:
        JobError: the model cannot be read.
    """
    if not is_quantized(evidence.graph):
        return None
    found = lint_stored(evidence.artifacts, evidence.submission.model_sha256, evidence.recipe).issues
    against, layers = "", tuple[LayerQuantization, ...]()
    if evidence.layers is not None and evidence.references:
        if isinstance(twin, Twin):
            against, layers = twin.name, _against_twin(room, evidence, twin)
        else:
            against, layers = evidence.references[0].header.source, _against_reference(evidence)
    return Quantization(lint=found, against=against if layers else "", layers=layers)


def _against_reference(evidence: Evidence) -> tuple[LayerQuantization, ...]:
    device, reference = evidence.layers, evidence.references[0]
    assert device is not None  # noqa: S101  # asked before
    frames = sorted(device.frames.keys() & reference.frames.keys())
    ours, theirs = (rung.logged(r, evidence.artifacts) for r in (device, reference))
    return measure(frames, ours, theirs, evidence.graph)


def _against_twin(room: Room, evidence: Evidence, twin: Twin) -> tuple[LayerQuantization, ...]:
    artifacts, seen = evidence.artifacts, evidence.explanation
    device = evidence.layers
    assert device is not None  # noqa: S101  # asked before
    # An input that is not the expected one says nothing of quantization: then the first reference stands for the model.
    mine = device if seen is None or seen.kind == "agrees" else evidence.references[0]
    frames = twin.frames(room.frames(mine), artifacts)
    (floats,) = room.record(
        FAST, frames, (room.recipe,), f"layers of {twin.name}", layers=True, model_sha256=twin.sha256
    )
    layers = measure(
        [i for i, _ in frames],
        rung.logged(mine, artifacts),
        lambda frame: values(twin.alignment.pairs, floats.tensors(artifacts, frame)),
        evidence.graph,
    )
    return origins(
        layers,
        evidence.graph,
        limit=DIVERGES,
        own=_own(evidence),
        own_limit=own_limit(evidence.graph),
        alone=_alone(evidence),
    )


def _own(evidence: Evidence) -> dict[int, OwnError]:
    """The device's operators by themselves, from the ladder's last rung."""
    step = None if evidence.climb is None else evidence.climb.step("device")
    if step is None or step.isolated is None:
        return {}
    typical = step.isolated.typical()
    return {layer.tensor: OwnError(float(typical[i]), None) for i, layer in enumerate(step.isolated.layers)}


def _alone(evidence: Evidence) -> dict[int, float]:
    """The quantized model's operators by themselves on reference kernels, fed the float model's values, against these."""
    step = None if evidence.climb is None else evidence.climb.step("quantized reference")
    if step is None or step.isolated is None:
        return {}
    typical = step.isolated.typical()
    return {layer.tensor: float(typical[i]) for i, layer in enumerate(step.isolated.layers)}
