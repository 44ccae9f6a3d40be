"""What is known of tensors' sizes before a model runs: which values are sizes themselves, and which sizes depend on values."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from farm.model.graph import Graph, Node

SHAPE_OPS = frozenset({"SHAPE", "RANK"})
"""What they make depends on shapes alone: known before the first frame, and a size to whoever reads it."""
ALWAYS = frozenset({"WHERE", "UNIQUE"})
"""Their outputs are as long as their inputs' values say."""
SIZE_OPERANDS = {
    "RESHAPE": (1,),
    "FILL": (0,),
    "BROADCAST_TO": (1,),
    "TILE": (1,),
    "PAD": (1,),
    "PADV2": (1,),
    "MIRROR_PAD": (1,),
    "RANGE": (0, 1, 2),
    "SLICE": (2,),
    "STRIDED_SLICE": (1, 2, 3),
    "RESIZE_BILINEAR": (1,),
    "RESIZE_NEAREST_NEIGHBOR": (1,),
    "TOPK_V2": (1,),
    "TRANSPOSE_CONV": (0,),
    "ONE_HOT": (1,),
    "SCATTER_ND": (2,),
    "SPARSE_TO_DENSE": (1,),
    "SPACE_TO_BATCH_ND": (1, 2),
    "BATCH_TO_SPACE_ND": (1, 2),
    "MEAN": (1,),
    "SUM": (1,),
    "REDUCE_MAX": (1,),
    "REDUCE_MIN": (1,),
    "REDUCE_PROD": (1,),
    "ARG_MAX": (1,),
    "ARG_MIN": (1,),
    "EXPAND_DIMS": (1,),
    "TRANSPOSE": (1,),
    "NON_MAX_SUPPRESSION_V4": (2,),
    "NON_MAX_SUPPRESSION_V5": (2,),
    "RANDOM_UNIFORM": (0,),
    "RANDOM_STANDARD_NORMAL": (0,),
    "MULTINOMIAL": (1,),
}
"""Which inputs of an operator say how large its output is. Where one is not constant, LiteRT makes the output dynamic."""


def from_shapes(graph: Graph) -> frozenset[int]:
    """Tensors computed from shapes and constants alone, and from at least one shape."""
    fixed = set(graph.from_constants)
    found: set[int] = set()
    for node in graph.nodes:
        if node.op in SHAPE_OPS or (node.inputs and all(i in fixed or i < 0 for i in node.inputs)):
            fixed.update(node.outputs)
            found.update(t for t in node.outputs if t not in graph.from_constants)
    return frozenset(found)


def data_sized(graph: Graph) -> frozenset[int]:
    """Tensors whose size may depend on values, and is known only while the model runs."""
    known = graph.from_constants | from_shapes(graph)
    found: set[int] = set()
    for node in graph.nodes:
        if node.op in ALWAYS or any(i in found for i in node.inputs) or _sized_by_value(node, known):
            found.update(t for t in node.outputs if t >= 0 and t not in known)
    return frozenset(found)


def unbuffered(graph: Graph) -> frozenset[int]:
    """Tensors that cannot be made outputs: their size is known only while the model runs, or the runtime sets it only then."""
    late = (node.outputs for node in graph.nodes if _sized_by_value(node, graph.from_constants))
    return data_sized(graph) | {t for outputs in late for t in outputs if t >= 0}


def _sized_by_value(node: Node, known: frozenset[int]) -> bool:
    operands = (node.inputs[i] for i in SIZE_OPERANDS.get(node.op, ()) if i < len(node.inputs))
    return any(t >= 0 and t not in known for t in operands)
