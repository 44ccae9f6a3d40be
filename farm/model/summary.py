"""What a model is, in a few figures: for people before they submit it, and for scripts."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from farm.model.instrument import exposed, layers_bytes

if TYPE_CHECKING:
    from farm.model.graph import Graph


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TensorSummary(_Model):
    """A model input or output."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    """-1 where the model leaves a size open."""
    scale: tuple[float, ...]
    zero_point: tuple[int, ...]


class Summary(_Model):
    """A model."""

    inputs: tuple[TensorSummary, ...]
    outputs: tuple[TensorSummary, ...]
    ops: dict[str, int]
    """Number of nodes by operator, most frequent first."""
    custom_ops: tuple[str, ...]
    layers: int
    """Tensors that the `layers` pass logs, besides the inputs."""
    layers_bytes: int
    """What the `layers` pass logs of one frame, in bytes."""


def summarize(graph: Graph) -> Summary:
    """The summary of a graph."""
    counts = Counter(node.op for node in graph.nodes)
    return Summary(
        inputs=tuple(_tensor(graph, i) for i in graph.inputs),
        outputs=tuple(_tensor(graph, i) for i in graph.outputs),
        ops=dict(sorted(counts.items(), key=lambda item: (-item[1], item[0]))),
        custom_ops=tuple(sorted({node.op for node in graph.nodes if node.custom})),
        layers=len(exposed(graph)),
        layers_bytes=layers_bytes(graph),
    )


def _tensor(graph: Graph, index: int) -> TensorSummary:
    tensor = graph.tensors[index]
    return TensorSummary(
        name=tensor.name, dtype=tensor.dtype, shape=tensor.shape, scale=tensor.scale, zero_point=tensor.zero_point
    )
