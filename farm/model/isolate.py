"""The isolated model: the same operators with every edge between them broken.

Each tensor that one node makes and another reads gets a twin, a model input of the same type and quantization, and the reader
reads the twin. Fed with a reference's tensors, one invocation gives every operator's own error: none inherits another's.
Indices stay what they are and twins come after them, so a logged tensor is found again in the original graph.
"""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from farm.errors import ModelError
from farm.model import rewrite, sizes
from farm.model.instrument import exposed, exposed_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from farm.model.graph import Graph

ALIGNMENT = 64
"""Bytes between the starts of tensors in a feed file are a multiple of this."""


@dataclass(frozen=True)
class Isolated:
    """An isolated model and what it is fed."""

    model: bytes
    feeds: tuple[int, ...]
    """For each input position, the tensor of the original graph whose value goes there; the model's own inputs come first."""
    sizes: tuple[int, ...]
    """Bytes of each input."""
    outputs: tuple[int, ...]
    """Original tensors that are outputs, by position: the model's own, then all others that nodes make."""
    where: str = "model"
    """For errors: the model's name."""


def broken(graph: Graph) -> tuple[int, ...]:
    """Tensors that are cut between the node that makes them and those that read them, in the order they are read.

    Edges stay whole where breaking them would change what runs, or where no frame could carry the value: what comes from
    constants or shapes alone, sizes that depend on values, and types a capture does not hold (complex, string, resource). An
    operator behind such an edge shows the error of both.
    """
    whole = graph.from_constants | sizes.from_shapes(graph) | sizes.data_sized(graph)
    made = {t for node in graph.nodes for t in node.outputs if t >= 0}
    return tuple(
        dict.fromkeys(
            t
            for node in graph.nodes
            for t in node.inputs
            if t in made and t not in whole and t not in graph.inputs and graph.tensors[t].dtype != "unsupported"
        )
    )


def isolate(model: bytes, where: str = "model", shapes: Mapping[int, Sequence[int]] | None = None) -> Isolated:
    """The isolated copy of a `.tflite`.

    `shapes` are those that tensors have when the model runs (a reference's recording tells them). With it, what the model
    leaves open takes its size from there, and an edge whose tensor it does not know stays whole. Without it, open sizes are 1.

    Raises:
        ModelError: the file cannot be read, or keeps its weights outside the flatbuffer.
    """
    graph, tree = rewrite.open_model(model, where, "isolated")
    main = tree.subgraphs[0]
    cut = [t for t in broken(graph) if shapes is None or t in shapes]
    first = len(graph.tensors)
    twins = {t: first + i for i, t in enumerate(cut)}
    for tensor in cut:
        main.tensors.append(_twin(main.tensors[tensor], tensor, _shape(graph, tensor, shapes)))
    for node, operator in zip(graph.nodes, main.operators or (), strict=True):
        operator.inputs = [twins.get(t, t) for t in node.inputs]
    outputs = [*graph.outputs, *(t for t in exposed(graph) if t not in graph.outputs)]
    feeds = (*graph.inputs, *cut)
    return Isolated(
        model=rewrite.pack(
            tree,
            where,
            inputs=[*graph.inputs, *twins.values()],
            outputs=outputs,
            more_inputs={twin: _twin_name(t) for t, twin in twins.items()},
            more_outputs={t: exposed_name(t) for t in outputs[len(graph.outputs) :]},
        ),
        feeds=feeds,
        sizes=tuple(_nbytes(graph, t, shapes) for t in feeds),
        outputs=tuple(outputs),
        where=where,
    )


def feed_file(isolated: Isolated, tensors: Mapping[int, np.ndarray[Any, Any]]) -> tuple[bytes, tuple[int, ...]]:
    """One frame's inputs, one after the other, little-endian, and the byte offset of each input position.

    `tensors` are a reference's, by tensor index, as logged (not dequantized).

    Raises:
        ModelError: a tensor is missing, or has not the size of its input.
    """
    content, offsets = bytearray(), []
    for tensor, size in zip(isolated.feeds, isolated.sizes, strict=True):
        value = tensors.get(tensor)
        if value is None or value.nbytes != size:
            got = "no value" if value is None else f"{value.nbytes} bytes of shape {list(value.shape)}"
            raise ModelError(
                f"tensor {tensor} takes {size} bytes, and the reference has {got}",
                where=isolated.where,
                remedy="its shape changes from frame to frame: submit it without the isolated pass",
            )
        content.extend(bytes(-len(content) % ALIGNMENT))
        offsets.append(len(content))
        content += value.astype(value.dtype.newbyteorder("<"), copy=False).tobytes()
    return bytes(content), tuple(offsets)


def _twin(original: Any, index: int, shape: list[int]) -> Any:
    twin = copy.copy(original)
    twin.name = _twin_name(index)
    twin.buffer = 0
    twin.shape, twin.shapeSignature = shape, None
    twin.isVariable, twin.sparsity = False, None
    return twin


def _twin_name(tensor: int) -> str:
    return f"farm/feed_{tensor}"


def _shape(graph: Graph, tensor: int, shapes: Mapping[int, Sequence[int]] | None) -> list[int]:
    if shapes is not None and tensor in shapes:
        return [int(d) for d in shapes[tensor]]
    return [max(1, d) for d in graph.tensors[tensor].shape]


def _nbytes(graph: Graph, tensor: int, shapes: Mapping[int, Sequence[int]] | None) -> int:
    return math.prod(_shape(graph, tensor, shapes)) * np.dtype(graph.tensors[tensor].dtype).itemsize
