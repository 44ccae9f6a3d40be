"""How much work a model is, counted from its graph: the same answer on every machine and every day."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from farm.model.graph import Graph, Node

REFERENCE_BUDGET = 30e9
"""Multiply-accumulates that reference kernels may spend on one run's outputs: about 30 s of one core, 1 a nanosecond."""


def multiply_accumulates(graph: Graph) -> float:
    """Of one frame: convolutions and matrix products exactly, other operators one a value made."""
    return sum(node_cost(graph, node) for node in graph.nodes)


def node_cost(graph: Graph, node: Node) -> float:
    """Multiply-accumulates of one operator in one frame."""
    made = sum(_size(graph, t) for t in node.outputs if t >= 0)
    weights = graph.tensors[node.inputs[1]].shape if len(node.inputs) > 1 and node.inputs[1] >= 0 else ()
    if node.op == "CONV_2D" and len(weights) == 4:
        return made * math.prod(weights[1:])
    if node.op == "DEPTHWISE_CONV_2D" and len(weights) == 4:
        return made * weights[1] * weights[2]
    if node.op == "TRANSPOSE_CONV" and len(node.inputs) > 2:
        return _size(graph, node.inputs[2]) * math.prod(weights) / max(1, weights[3] if len(weights) == 4 else 1)
    if node.op == "FULLY_CONNECTED" and len(weights) == 2:
        return made * weights[1]
    if node.op == "BATCH_MATMUL":
        return made * max(1, graph.tensors[node.inputs[0]].shape[-1])
    return made


def affordable(graph: Graph, frames: int) -> bool:
    """Whether reference kernels run `frames` frames within `REFERENCE_BUDGET`."""
    return multiply_accumulates(graph) * frames <= REFERENCE_BUDGET


def _size(graph: Graph, tensor: int) -> int:
    return math.prod(max(1, d) for d in graph.tensors[tensor].shape)
