"""Two recordings of the same model, tensor by tensor in execution order (docs/comparison.md)."""

from __future__ import annotations

import math
import statistics
from typing import TYPE_CHECKING

from farm.compare.difference import BROKEN, Difference, difference
from farm.compare.latency import layer_times
from farm.report.document import Comparison, Divergence, LayerDiff

if TYPE_CHECKING:
    from farm.capture.recording import Recording
    from farm.model.graph import Graph, Node
    from farm.store.artifacts import ArtifactStore

FLOAT_LIMIT = 1e-3
"""Healthy float kernels differ by about 1e-6 of a layer's range, and half precision by a few 1e-3."""
QUANTIZED_LIMIT = 0.02
"""Healthy int8 kernels of trained models differ by up to 0.013 of a layer's range in late layers."""
INPUT_LIMIT = 0.004
"""Every pixel off by one of 255: the most by which two right ways to pre-process differ."""
CEILING = 0.2
MARGIN = 3.0
INHERITED = 10.0


def is_quantized(graph: Graph) -> bool:
    """Whether some layer computes in integers that stand for real numbers."""
    made = (t for node in graph.nodes for t in node.outputs if t >= 0 and t not in graph.from_constants)
    return any(graph.tensors[t].scale and graph.tensors[t].dtype != "float32" for t in made)


def threshold(graph: Graph, *, control: Comparison | None = None, input_nrmse: float = 0.0) -> float:
    """The running nRMSE above which a layer counts as diverged: above what healthy kernels show.

    `control` compares two healthy runtimes on the same model and frames, `input_nrmse` is what the inputs already differ
    by when they agree. The noise measured is given a margin, and the whole a ceiling, so that a bug that both runtimes
    share cannot hide everything.
    """
    noise = max((d.running_nrmse for d in control.layers if d.running_nrmse < BROKEN), default=0.0) if control else 0.0
    inherited = INHERITED * input_nrmse if input_nrmse <= INPUT_LIMIT else 0.0
    return min(CEILING, max(QUANTIZED_LIMIT if is_quantized(graph) else FLOAT_LIMIT, MARGIN * noise, inherited))


def compare_layers(
    device: Recording, reference: Recording, graph: Graph, artifacts: ArtifactStore, *, threshold: float
) -> Comparison:
    """Every tensor both logged, over the frames both logged; one frame is in memory at a time.

    The model's inputs come first, as node -1, and diverge above `INPUT_LIMIT`; other tensors above `threshold`.
    """
    frames = sorted(device.frames.keys() & reference.frames.keys())
    found: dict[int, list[Difference]] = {}
    for frame in frames:
        mine, other = device.tensors(artifacts, frame), reference.tensors(artifacts, frame)
        for index in mine.keys() & other.keys():
            if 0 <= index < len(graph.tensors):
                found.setdefault(index, []).append(difference(mine[index], other[index], graph.tensors[index]))
    times = layer_times(device, graph, artifacts)
    layers = tuple(
        _layer(node, index, graph, found[index], times) for node, index in _in_order(graph) if index in found
    )
    comparison = Comparison(
        reference=reference.header.source,
        reference_version=reference.header.source_version,
        frames=len(frames),
        threshold=threshold,
        first_divergence=None,
        layers=layers,
    )
    return judged(comparison, threshold)


def judged(comparison: Comparison, threshold: float) -> Comparison:
    """The same figures under another threshold."""
    over = (d for d in comparison.layers if d.running_nrmse > (INPUT_LIMIT if d.node < 0 else threshold))
    first = next(over, None)
    divergence = first and Divergence(
        node=first.node, tensor=first.tensor, op=first.op, running_nrmse=first.running_nrmse
    )
    return comparison.model_copy(update={"threshold": threshold, "first_divergence": divergence})


def input_error(comparison: Comparison) -> float:
    """The largest running nRMSE of a model input; 0 when none was logged."""
    return max((d.running_nrmse for d in comparison.layers if d.node < 0), default=0.0)


def _in_order(graph: Graph) -> list[tuple[Node | None, int]]:
    made = [(node, t) for node in graph.nodes for t in node.outputs if t not in graph.from_constants]
    return [*((None, t) for t in graph.inputs), *made]


def _layer(node: Node | None, index: int, graph: Graph, found: list[Difference], times: dict[int, float]) -> LayerDiff:
    tensor = graph.tensors[index]
    signal, error = sum(d.signal for d in found), sum(d.error for d in found)
    lsb = [d.lsb for d in found if d.lsb is not None]
    return LayerDiff(
        node=-1 if node is None else node.index,
        tensor=tensor.name,
        op="INPUT" if node is None else node.op,
        dtype=tensor.dtype,
        shape=tensor.shape,
        # A frame that cannot be measured is a divergence however many others agree.
        running_nrmse=max(d.nrmse for d in found)
        if any(d.nrmse >= BROKEN for d in found)
        else statistics.median(d.nrmse for d in found),
        cosine=min(d.cosine for d in found)
        if any(d.nrmse >= BROKEN for d in found)
        else statistics.median(d.cosine for d in found),
        sqnr_db=_decibel(signal, error),
        max_abs=max(d.max_abs for d in found),
        lsb=max(lsb) if lsb else None,
        time_us=None if node is None else times.get(node.index),
    )


def _decibel(signal: float, error: float) -> float | None:
    if error == 0:
        return None
    return 10 * math.log10(max(signal, 1e-300) / error)
