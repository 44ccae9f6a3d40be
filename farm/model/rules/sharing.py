"""Operators whose inputs and outputs must have one scale and zero point: they move integers without looking at them.

Source: the restrictions of https://ai.google.dev/edge/litert/models/quantization_spec and the kernels' Prepare functions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from farm.model.opened import ACTIVATIONS, span
from farm.model.rules.finding import found, short

if TYPE_CHECKING:
    from collections.abc import Iterator

    from farm.model.graph import Node, Tensor
    from farm.model.opened import Opened
    from farm.report.quantization import Issue

FIRST = frozenset(
    {
        "AVERAGE_POOL_2D",
        "BATCH_TO_SPACE_ND",
        "BROADCAST_TO",
        "DEPTH_TO_SPACE",
        "EXPAND_DIMS",
        "GATHER",
        "GATHER_ND",
        "MAX_POOL_2D",
        "MIRROR_PAD",
        "PAD",
        "REDUCE_MAX",
        "REDUCE_MIN",
        "RESHAPE",
        "RESIZE_BILINEAR",
        "RESIZE_NEAREST_NEIGHBOR",
        "REVERSE_V2",
        "SLICE",
        "SPACE_TO_BATCH_ND",
        "SPACE_TO_DEPTH",
        "SPLIT_V",
        "SQUEEZE",
        "STRIDED_SLICE",
        "TILE",
        "TRANSPOSE",
        "UNPACK",
    }
)
"""Their first input and all outputs."""
ALL = frozenset({"CONCATENATION", "MAXIMUM", "MINIMUM", "PACK", "PADV2", "SELECT", "SELECT_V2", "SPLIT"})
"""All quantized inputs and outputs."""
STEPS = 0.5
"""Less is lost in rounding."""


def check(opened: Opened) -> Iterator[Issue]:
    """Rule `scale-shared`."""
    for node in opened.graph.nodes:
        if node.op not in FIRST | ALL:
            continue
        ends = [*(node.inputs[:1] if node.op in FIRST else node.inputs), *node.outputs]
        tensors = [opened.graph.tensors[t] for t in dict.fromkeys(ends) if t >= 0]
        tensors = [t for t in tensors if t.scale and t.dtype in ACTIVATIONS]
        # The unsigned kernel of CONCATENATION rescales its inputs.
        if len({t.dtype for t in tensors}) != 1 or (node.op == "CONCATENATION" and tensors[0].dtype == "uint8"):
            continue
        yield from _shared(node, tensors)


def _shared(node: Node, tensors: list[Tensor]) -> Iterator[Issue]:
    makes = [t for t in tensors if t.index in node.outputs]
    against = makes[0] if makes else tensors[0]
    for tensor in tensors:
        steps = misread(tensor, against)
        if tensor is against or steps is None or steps < STEPS:
            continue
        yield found(
            "scale-shared",
            "error",
            f"{node.op} has {_how(tensor)} on one side ({short(tensor)}) and {_how(against)} on the other ({short(against)})",
            f"it moves integers as they are, so values are read wrongly by up to {steps:.3g} steps, or the runtime refuses it",
            "convert it again: one scale and zero point belong to all of them",
            node=node,
            tensor=tensor,
            steps=steps,
        )


def misread(a: Tensor, b: Tensor) -> float | None:
    """By how many steps of `b` an integer of `a` stands for something else, at most; None where they are no single ranges."""
    mine, other = span(a), span(b)
    if mine is None or other is None:
        return None
    return float(np.max(np.abs(np.subtract(mine, other))) / b.scale[0])


def _how(tensor: Tensor) -> str:
    return f"{tensor.scale[0]:.6g} / {tensor.zero_point[0]}"
