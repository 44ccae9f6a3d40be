"""What quantization does to a model: what its file says, what captures show, which layers to keep in float."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from farm.report.base import Part

Severity = Literal["error", "warning", "note"]
Origin = Literal["range", "constants", "arithmetic", "inherited", "unclear", "none"]
"""Where a layer's error is made: its range (calibration), its weights and biases (calibration, converter), the kernel's
arithmetic, an earlier layer; `unclear`: constants or arithmetic; `none`: it has none to speak of."""


class Issue(Part):
    """One thing that `farm lint` found in a model's file."""

    rule: str
    """Its name, as docs/quantization.md lists it."""
    severity: Severity
    """`error`: the model computes something else than meant. `warning`: it may, the file alone cannot tell. `note`: to know."""
    node: int | None = None
    """Index of the operator; None where it concerns none, or several."""
    op: str = ""
    tensor: str = ""
    what: str
    why: str
    """Why it matters."""
    remedy: str
    figures: dict[str, float] = Field(default={})


class Lint(Part):
    """A model's file, read without running it."""

    model: str
    model_sha256: str = ""
    issues: tuple[Issue, ...] = ()
    """Worst first, then in the order of the graph."""

    def of(self, severity: Severity) -> tuple[Issue, ...]:
        """The issues of one severity."""
        return tuple(issue for issue in self.issues if issue.severity == severity)


class ChannelError(Part):
    """One channel (last axis, or the tensor's quantized one) against the reference, over all frames, in real units."""

    channel: int
    rmse: float
    bias: float
    """Mean of the differences."""
    max_abs: float
    sqnr_db: float | None
    """10 log10(signal power / error power); None when equal."""
    clipped: float
    """Share of its values that lie outside what the tensor can hold."""


class LayerQuantization(Part):
    """One quantized tensor against the reference's values, over the frames both logged. Errors are in real units."""

    node: int
    """Index of the node that makes it; -1 for a model input."""
    op: str
    tensor: str
    index: int
    """Of the tensor in the model's graph."""
    frames: int
    rmse: float
    bias: float
    max_abs: float
    nrmse: float
    """RMSE / (max - min of the reference over all frames)."""
    sqnr_db: float | None
    saturated: float
    """Share of its values at the limits of its integer type, beyond the share that the reference's would have there."""
    at_low: float
    """Share of its values at the lower limit of its type; `at_high` at the upper one."""
    at_high: float
    pinned: float
    """Share of its values at a limit that is no natural bound (0, 1, -1, 6): nothing but the range stops them there."""
    clipped: float | None
    """Share of the reference's values that lie outside what the tensor can hold; None: the reference is quantized alike."""
    range_nrmse: float | None
    """What rounding and cutting the reference's values to this tensor's scale costs by itself; None as for `clipped`."""
    cut_nrmse: float | None = None
    """The part of it that cutting alone makes."""
    dead_range: float
    """Share of the range, in codes, below the least and above the greatest code that occurred."""
    used_bits: float
    """log2 of the codes from the least to the greatest that occurred."""
    bits: int
    """Of the type."""
    channels: int
    dead_channels: int = 0
    """That held one value over all frames."""
    worst_channels: tuple[ChannelError, ...] = ()
    origin: Origin = "none"
    reason: str = ""
    """What speaks for `origin`; empty for `none`."""


class Kept(Part):
    """The model with layers in float."""

    layers: tuple[str, ...]
    """All that are kept so far: `3 DEPTHWISE_CONV_2D block1/dw`."""
    nodes: tuple[int, ...]
    """Their nodes in the quantized model."""
    output_nrmse: float
    """Median over frames of the outputs' distance from the float model's."""
    agreement: float | None = None
    """Share of frames with the float model's top-1; None when the model is no classifier."""
    agreement_interval: tuple[float, float] | None = None
    top1: float | None = None
    """Share of labelled frames that are right."""
    top1_interval: tuple[float, float] | None = None
    p_value: float | None = None
    """McNemar's, against none kept: of right answers, or of agreement without labels."""
    more_bytes: int = 0
    """What the file grows by."""


class Sensitivity(Part):
    """Which layers to keep in float for how much accuracy: the quantized model simulated on the float one."""

    model: str
    float_model: str
    frames: int
    aligned: int
    """Tensors of the quantized model that have a twin in the float model, and `of` how many that its layers make."""
    of: int
    float_top1: float | None = None
    quantized_top1: float | None = None
    """Of the quantized model itself, as the file is."""
    fidelity_nrmse: float
    """How far the simulation of all layers quantized is from the quantized model itself, of the outputs' range."""
    fidelity: float | None = None
    """Share of frames on which both give the same top-1."""
    sound: bool
    """The simulation is close enough to the model itself for its figures to be the model's."""
    steps: tuple[Kept, ...]
    """First none kept, then one choice more in each."""
    tried: int = 0
    stopped: str = ""
    """Why the search ended."""


class Quantization(Part):
    """Of a run."""

    lint: tuple[Issue, ...] = ()
    against: str = ""
    """The reference whose values the layers are compared with; empty when no layers were logged."""
    layers: tuple[LayerQuantization, ...] = ()


MADE_HERE = ("range", "constants", "arithmetic", "unclear")
"""Origins of errors that are a layer's own."""
FIGURES = ("nRMSE", "SQNR dB", "bias", "saturated", "clipped", "range alone", "bits used", "origin")


def figures(layer: LayerQuantization) -> tuple[str, ...]:
    """Of one layer, under the heads `FIGURES`."""
    return (
        f"{layer.nrmse:.1e}",
        "equal" if layer.sqnr_db is None else f"{layer.sqnr_db:.1f}",
        f"{layer.bias:.1e}",
        f"{100 * layer.saturated:.1f} %",
        "-" if layer.clipped is None else f"{100 * layer.clipped:.1f} %",
        "-" if layer.range_nrmse is None else f"{layer.range_nrmse:.1e}",
        f"{layer.used_bits:.1f} of {layer.bits}",
        "" if layer.origin == "none" else layer.origin,
    )


def own_errors(found: Quantization) -> tuple[LayerQuantization, ...]:
    """Layers whose error is their own, in execution order."""
    return tuple(layer for layer in found.layers if layer.origin in MADE_HERE)


def in_words(found: Quantization) -> str:
    """`21 quantized layers against model.tflite: nRMSE at most 0.012 (20 SOFTMAX), 1 with an error of its own`."""
    if not found.layers:
        return "no quantized layer was logged"
    worst = max(found.layers, key=lambda layer: layer.nrmse)
    own = len(own_errors(found))
    made = f", {own} with an error of {'its' if own == 1 else 'their'} own" if own else ""
    return (
        f"{len(found.layers)} quantized layers against {found.against}: "
        f"nRMSE at most {worst.nrmse:.2g} ({worst.node} {worst.op}){made}"
    )
