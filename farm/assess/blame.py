"""Who is to blame, in the words of the ladder: what the findings, the input and the rungs say together.

Pure and quick: asked again for every resampling of the frames. docs/diagnosis.md has the rules.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from farm.assess.climb import DEVICE
from farm.compare.layers import INPUT_LIMIT
from farm.report.ladder import Blame, Word

if TYPE_CHECKING:
    from collections.abc import Sequence

    from farm.assess.climb import Climb, Step
    from farm.assess.evidence import Evidence
    from farm.compare.rung import Layer
    from farm.report.document import Finding

PIPELINE = ("color", "layout", "rotation", "resize", "channel", "normalization", "audio", "text")
"""Assertions about pre-processing, in the order the recipe applies them."""
MODEL = ("quantization",)
"""Assertions about the model's calibration."""
FOLLOWED = ("values", "drift")
OTHERS: dict[str, Word] = {
    "orientation": "pre-processing",
    "fallback": "delegate",
    "values": "unexplained",
    "drift": "unexplained",
}
"""Assertions that see a fault of one of the words. What a run costs (latency, memory, energy) is no fault of its answers."""
PLACES: tuple[Word, ...] = ("converter", "kernel", "delegate", "device")
"""Causes that no assertion names."""
ANSWERS = ("postprocessing",)
"""Assertions about what becomes of the outputs."""


def blames(evidence: Evidence, findings: Sequence[Finding]) -> tuple[Blame, ...]:
    """In the order in which data meets them: input, model, kernels, answers. `confidence` and `needed` are filled in later."""
    broken = {f.assertion: f for f in _failed(findings) if f.area == "answers"}
    found = [
        *_input(evidence, broken),
        *_model(evidence, broken),
        *_kernels(evidence),
        *(
            Blame(word="post-processing", name=n, evidence=broken[n].summary, confidence=1.0)
            for n in ANSWERS
            if n in broken
        ),
    ]
    found += [
        Blame(word=word, name=name, evidence=broken[name].summary, confidence=1.0)
        for name, word in OTHERS.items()
        if name in broken
    ]
    if found:
        return tuple(found)
    if differs(evidence) or evidence.effect.shown:
        return (
            Blame(word="unexplained", evidence="the device differs, and nothing tried explains it", confidence=1.0),
        )
    return (Blame(word="none", evidence="inputs, layers and answers agree", confidence=1.0, fails=False),)


def named(evidence: Evidence, findings: Sequence[Finding]) -> list[Finding]:
    """The findings that make the cause, in order: what is wrong with the pipeline before what is wrong with the model.

    A range that does not hold what the recipe feeds accuses the recipe or the calibration. When the recipe is convicted
    already, the calibration is accused only where the float model says so, too.
    """
    broken = {f.assertion: f for f in _failed(findings)}
    pipeline = [broken[name] for name in PIPELINE if name in broken]
    rest = [f for name, f in sorted(broken.items()) if name not in PIPELINE]
    doubtful = bool(pipeline) and not calibrated_wrongly(evidence)
    # Strange values follow from strange inputs.
    followed = (*(MODEL if doubtful else ()), *(FOLLOWED if pipeline else ()))
    rest.sort(key=lambda f: f.area != "answers")
    return [*pipeline, *(f for f in rest if f.assertion not in followed)]


def asked_for(findings: Sequence[Finding]) -> list[Finding]:
    """Findings that fail a run without an effect on its answers: what a user asserted, or what it cost before."""
    return [f for f in _failed(findings) if f.area != "answers"]


def _failed(findings: Sequence[Finding]) -> list[Finding]:
    return [f for f in findings if not f.holds and not f.harmless]


def calibrated_wrongly(evidence: Evidence) -> bool:
    """The float model's values do not fit the ranges of the quantized one."""
    climb = evidence.climb
    return climb is not None and bool(
        climb.calibration(evidence.weights(climb.ranges.cut.shape[1])) if climb.ranges else ()
    )


def differs(evidence: Evidence) -> bool:
    """Something that was logged is not what it should be."""
    seen = evidence.explanation
    parts = any(c.first_divergence is not None or c.local_fault is not None for c in evidence.comparisons)
    return (seen is not None and seen.kind != "agrees") or parts


def _input(evidence: Evidence, broken: dict[str, Finding]) -> list[Blame]:
    found = [
        Blame(word="pre-processing", name=name, evidence=broken[name].summary, confidence=1.0)
        for name in PIPELINE
        if name in broken
    ]
    seen = evidence.explanation
    if found or seen is None or seen.kind in ("agrees", "named"):
        return found
    if seen.kind == "not identifiable":
        return [Blame(word="not identifiable", name="input", evidence=seen.reason, confidence=1.0)]
    words = f"the device's input is not the expected one, and nothing tried explains it (residual {seen.residual:.2g})"
    return [Blame(word="unexplained", name="input", evidence=words, confidence=1.0)]


def _model(evidence: Evidence, broken: dict[str, Finding]) -> list[Blame]:
    climb = evidence.climb
    found = []
    if climb is not None:
        step = climb.converted_otherwise()
        if step is not None:
            layer = step.diverging()[0]
            error = step.running_error(layer) or 0.0
            words = f"{step.target} parts from the unconverted model, nRMSE {error:.2g} over {step.limit:.2g}"
            found.append(Blame(word="converter", layer=layer.label, evidence=words, confidence=1.0))
    cuts = climb.calibration(evidence.weights(climb.ranges.cut.shape[1])) if climb is not None and climb.ranges else ()
    if cuts:
        more = f"; so are {len(cuts) - 1} more tensors" if len(cuts) > 1 else ""
        found.append(
            Blame(
                word="calibration",
                name="range",
                layer=cuts[0].layer.label,
                evidence=cuts[0].words() + more,
                confidence=1.0,
            )
        )
    elif any(name in broken for name in MODEL) and not any(name in broken for name in PIPELINE):
        name = next(name for name in MODEL if name in broken)
        found.append(Blame(word="calibration", name=name, evidence=broken[name].summary, confidence=1.0))
    return found


def _kernels(evidence: Evidence) -> list[Blame]:
    climb = evidence.climb
    if climb is None:
        return []
    device = next((s for s in climb.steps if s.name == DEVICE), None)
    if device is None:
        return []
    here = climb.optimized()
    # An output that was changed after the model is no kernel's fault.
    changed = evidence.graph.outputs if evidence.outcomes.change is not None else ()
    own = {layer.tensor: layer for layer in _faults(evidence, device) if layer.tensor not in changed}
    found = []
    if here is not None:
        step, faults = here
        shared = [layer for layer in faults if layer.tensor in own or device.isolated is None]
        if shared:
            found.append(_kernel(step, shared, f"on this computer, too, {step.target}'s kernel is"))
            for layer in shared:
                own.pop(layer.tensor, None)
    if own:
        layers = list(own.values())
        word, why = _place(climb, evidence)
        found.append(
            Blame(
                word=word,
                name="local",
                layer=layers[0].label,
                evidence=f"{_error(device, layers)}, fed the right inputs; {why}",
                confidence=1.0,
            )
        )
    elif not found:
        found += _adding_up(evidence, climb, device)
    return found


def _faults(evidence: Evidence, device: Step) -> tuple[Layer, ...]:
    frames = device.isolated.nrmse.shape[1] if device.isolated is not None else 0
    return device.faults(evidence.weights(frames))


def _adding_up(evidence: Evidence, climb: Climb, device: Step) -> list[Blame]:
    """Layers that part from this computer's same kernels although the input agrees, none by itself."""
    seen = evidence.explanation
    if device.running is None or (seen is not None and seen.kind != "agrees"):
        return []
    if any(device.running.layers[i].node < 0 for i in device.running.over(INPUT_LIMIT, inputs=True)):
        return []  # against the recipe that is right, where that is not the one the references used
    changed = evidence.graph.outputs if evidence.outcomes.change is not None else ()
    diverging = device.diverging(evidence.weights(device.running.nrmse.shape[1]))
    layers = [layer for layer in diverging if layer.tensor not in changed]
    if not layers:
        return []
    word, why = _place(climb, evidence)
    alone = "no layer is wrong by itself: small differences add up" if device.isolated is not None else "first to part"
    words = f"running nRMSE {device.running_error(layers[0]) or 0.0:.2g} over {device.limit:.2g}, {alone}; {why}"
    return [Blame(word=word, name="adding up" if device.isolated is not None else "first", layer=layers[0].label,
                  evidence=words, confidence=1.0)]  # fmt: skip


def _kernel(step: Step, layers: list[Layer], start: str) -> Blame:
    words = f"{start} wrong by itself: {_error(step, layers)}"
    return Blame(word="kernel", name="local", layer=layers[0].label, evidence=words, confidence=1.0)


def _error(step: Step, layers: list[Layer]) -> str:
    more = f" and {len(layers) - 1} more layers" if len(layers) > 1 else ""
    return f"nRMSE {step.own_error(layers[0]) or 0.0:.2g} alone over {step.own_limit:.2g}{more}"


def _place(climb: Climb, evidence: Evidence) -> tuple[Word, str]:
    """Whether a layer that is wrong on the device alone is the delegate's, the device's or the kernel's."""
    header = evidence.latency.header
    used = header.accelerator_used or header.accelerator or "cpu"
    healthy = [o for o in climb.others if o.healthy]
    for other in healthy:
        if other.source == header.source and (other.kernel, other.accelerator) != (header.kernel, used):
            return "delegate", f"the same device is right with {other.kernel} kernels on {other.accelerator}"
    for other in healthy:
        same = other.runtime_sha256 == header.runtime_sha256 and (other.kernel, other.accelerator) == (
            header.kernel,
            used,
        )
        if same and header.runtime_sha256 and other.source != header.source:
            return "device", f"{other.source} is right with the same runtime and kernels"
    if used != "cpu":
        return "delegate", f"it runs on {used}, and this computer's kernels are right"
    if climb.same_code:
        return "device", "this computer runs the same library with the same kernels, and is right"
    return (
        "kernel",
        "this computer's kernels are right; another device with this runtime would tell the kernel from the device",
    )
