"""Two recordings of the same model, tensor by tensor in execution order (docs/comparison.md)."""

from __future__ import annotations

import math
import statistics
from array import array
from collections import defaultdict
from typing import TYPE_CHECKING

from farm.compare.difference import BROKEN, Difference, difference
from farm.compare.latency import layer_times
from farm.report.document import Comparison, Divergence, LayerDiff, LocalFault

if TYPE_CHECKING:
    from collections.abc import Mapping

    from farm.capture.recording import Recording
    from farm.compare.isolated import OwnError
    from farm.model.graph import Graph, Node
    from farm.store.artifacts import ArtifactStore

FLOAT_LIMIT = 1e-3
"""Healthy float kernels differ by about 1e-6 of a layer's range, and half precision by a few 1e-3."""
QUANTIZED_LIMIT = 0.02
"""Healthy int8 kernels of trained models differ by up to 0.013 of a layer's range in late layers."""
INPUT_LIMIT = 0.004
"""Every pixel off by one of 255: the most by which two right ways to pre-process differ."""
WEIGHTED = frozenset({"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV", "BATCH_MATMUL"})
"""Operators that quantize their own input where their weights are int8 and their output is float."""
CEILING = 0.2
MARGIN = 3.0
INHERITED = 10.0


def is_quantized(graph: Graph) -> bool:
    """Whether some layer computes in integers that stand for real numbers, be it only inside (integer weights, float outputs)."""
    weights = (t for node in graph.nodes for t in node.inputs[1:2] if node.op in WEIGHTED and t >= 0)
    if any(graph.tensors[t].scale and graph.tensors[t].dtype == "int8" for t in weights):
        return True
    made = (t for node in graph.nodes for t in node.outputs if t >= 0 and t not in graph.from_constants)
    return any(graph.tensors[t].scale and graph.tensors[t].dtype != "float32" for t in made)


def has_real_layers(reference: Recording, graph: Graph) -> bool:
    """Whether a reference answers in real numbers where the model stores integers: then quantization is between the two."""
    return any(
        s.tensor not in graph.inputs and graph.tensors[s.tensor].scale and s.dtype.startswith("float")
        for s in reference.specs
        if 0 <= s.tensor < len(graph.tensors)
    )


def threshold(graph: Graph, *, control: Comparison | None = None, input_nrmse: float = 0.0) -> float:
    """The running nRMSE above which a layer counts as diverged: above what healthy kernels show.

    `control` compares two healthy runtimes on the same model and frames, `input_nrmse` is what the inputs already differ
    by when they agree. The noise measured is given a margin, and the whole a ceiling, so that a bug that both runtimes
    share cannot hide everything.
    """
    noise = max((d.running_nrmse for d in control.layers if d.running_nrmse < BROKEN), default=0.0) if control else 0.0
    inherited = INHERITED * input_nrmse if input_nrmse <= INPUT_LIMIT else 0.0
    return min(CEILING, max(QUANTIZED_LIMIT if is_quantized(graph) else FLOAT_LIMIT, MARGIN * noise, inherited))


def own_limit(graph: Graph) -> float:
    """The isolated nRMSE above which a layer counts as wrong by itself.

    Nothing compounds in a single operator: the most that healthy ones show is 2e-7 in float, 0.002 quantized.
    """
    return QUANTIZED_LIMIT if is_quantized(graph) else FLOAT_LIMIT


def compare_layers(
    device: Recording,
    reference: Recording,
    graph: Graph,
    artifacts: ArtifactStore,
    *,
    threshold: float,
    own: Mapping[int, OwnError] | None = None,
    profile_us: Mapping[int, float] | None = None,
) -> Comparison:
    """Every tensor both logged, over the frames both logged; one frame is in memory at a time.

    The model's inputs come first, as node -1, and diverge above `INPUT_LIMIT`; other tensors above `threshold`.
    `own` is what `compare_isolated` found against the same reference, `profile_us` each node's time in the plain model.
    """
    frames = sorted(device.frames.keys() & reference.frames.keys())
    found: dict[int, _Found] = defaultdict(_Found)
    for frame in frames:
        mine, other = device.tensors(artifacts, frame), reference.tensors(artifacts, frame)
        for index in mine.keys() & other.keys():
            if 0 <= index < len(graph.tensors):
                found[index].add(difference(mine[index], other[index], graph.tensors[index]))
    times = layer_times(device, graph, artifacts)
    layers = tuple(
        _layer(node, index, graph, found[index], times).model_copy(
            update=_alone(node, index, own or {}, profile_us or {})
        )
        for node, index in _in_order(graph)
        if index in found
    )
    comparison = Comparison(
        reference=reference.header.source,
        reference_version=reference.header.source_version,
        frames=len(frames),
        threshold=threshold,
        first_divergence=None,
        layers=layers,
        isolated_threshold=own_limit(graph) if own else None,
        notes=reference.header.labels,
    )
    return judged(comparison, threshold)


def judged(comparison: Comparison, threshold: float) -> Comparison:
    """The same figures under another threshold."""
    over = (d for d in comparison.layers if d.running_nrmse > (INPUT_LIMIT if d.node < 0 else threshold))
    first = next(over, None)
    divergence = first and Divergence(
        node=first.node, tensor=first.tensor, op=first.op, running_nrmse=first.running_nrmse
    )
    alone = next(
        (
            LocalFault(node=d.node, tensor=d.tensor, op=d.op, isolated_nrmse=d.isolated_nrmse)
            for d in comparison.faults()
            if d.isolated_nrmse is not None
        ),
        None,
    )
    return comparison.model_copy(update={"threshold": threshold, "first_divergence": divergence, "local_fault": alone})


def input_error(comparison: Comparison) -> float:
    """The largest running nRMSE of a model input; 0 when none was logged."""
    return max((d.running_nrmse for d in comparison.layers if d.node < 0), default=0.0)


def _alone(
    node: Node | None, index: int, own: Mapping[int, OwnError], profile_us: Mapping[int, float]
) -> dict[str, float | None]:
    alone = own.get(index)
    return {
        "isolated_nrmse": None if alone is None else alone.nrmse,
        "isolated_lsb": None if alone is None else alone.lsb,
        "profile_us": None if node is None else profile_us.get(node.index),
    }


def _in_order(graph: Graph) -> list[tuple[Node | None, int]]:
    made = [(node, t) for node in graph.nodes for t in node.outputs if t not in graph.from_constants]
    return [*((None, t) for t in graph.inputs), *made]


class _Found:
    """One tensor's differences: two numbers a frame are kept."""

    def __init__(self) -> None:
        self.nrmse, self.cosine = array("d"), array("d")
        self.signal = self.error = self.max_abs = 0.0
        self.lsb: float | None = None

    def add(self, d: Difference) -> None:
        self.nrmse.append(d.nrmse)
        self.cosine.append(d.cosine)
        self.signal, self.error = self.signal + d.signal, self.error + d.error
        self.max_abs = max(self.max_abs, d.max_abs)
        if d.lsb is not None:
            self.lsb = max(self.lsb or 0.0, d.lsb)


def _layer(node: Node | None, index: int, graph: Graph, found: _Found, times: dict[int, float]) -> LayerDiff:
    tensor = graph.tensors[index]
    # A frame that cannot be measured is a divergence however many others agree.
    broken = max(found.nrmse) >= BROKEN
    return LayerDiff(
        node=-1 if node is None else node.index,
        tensor=tensor.name,
        op="INPUT" if node is None else node.op,
        dtype=tensor.dtype,
        shape=tensor.shape,
        running_nrmse=max(found.nrmse) if broken else statistics.median(found.nrmse),
        cosine=min(found.cosine) if broken else statistics.median(found.cosine),
        sqnr_db=_decibel(found.signal, found.error),
        max_abs=found.max_abs,
        lsb=found.lsb,
        time_us=None if node is None else times.get(node.index),
    )


def _decibel(signal: float, error: float) -> float | None:
    if error == 0:
        return None
    return 10 * math.log10(max(signal, 1e-300) / error)
