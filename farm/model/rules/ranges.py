"""Ranges of layers against what their operator can give: fixed by the specification, cut, or left unused."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from farm.model.opened import ACTIVATIONS, span
from farm.model.rules.finding import AGAIN, found, short

if TYPE_CHECKING:
    from collections.abc import Iterator

    from farm.model.graph import Node, Tensor
    from farm.model.opened import Opened
    from farm.report.quantization import Issue

FIXED = {
    "SOFTMAX": {"int8": (1 / 256, -128), "uint8": (1 / 256, 0), "int16": (1 / 32768, 0)},
    "LOGISTIC": {"int8": (1 / 256, -128), "uint8": (1 / 256, 0), "int16": (1 / 32768, 0)},
    "TANH": {"int8": (1 / 128, 0), "uint8": (1 / 128, 128), "int16": (1 / 32768, 0)},
    "LOG_SOFTMAX": {"int8": (16 / 256, 127), "uint8": (16 / 256, 255)},
    "L2_NORMALIZATION": {"int8": (1 / 128, 0), "uint8": (1 / 128, 128)},
}
"""Scale and zero point that kernels take for granted (the 8-bit specification; 16 bits: the kernels' Prepare functions)."""
BOUNDS = {"RELU": (0.0, math.inf), "RELU6": (0.0, 6.0), "RELU_N1_TO_1": (-1.0, 1.0), "RELU_0_TO_1": (0.0, 1.0)}
PASSING = frozenset({"QUANTIZE", *BOUNDS})
"""Operators that give their input's values back, within their bounds."""
CUT, UNUSED = 0.05, 0.3
"""Share of a range that may be cut off, or lie where no value can be, before it is told."""


def check(opened: Opened) -> Iterator[Issue]:
    """Rules `range-fixed`, `range-cut`, `range-unused`."""
    for node in opened.graph.nodes:
        for index in node.outputs[:1]:
            if index < 0:
                continue
            tensor = opened.graph.tensors[index]
            if tensor.scale and tensor.dtype in ACTIVATIONS and not tensor.constant:
                yield from _fixed(node, tensor)
                yield from _bounded(node, tensor, opened)


def _fixed(node: Node, tensor: Tensor) -> Iterator[Issue]:
    wanted = FIXED.get(node.op, {}).get(tensor.dtype)
    if wanted is None or len(tensor.scale) != 1:
        return
    scale, zero = wanted
    if abs(tensor.scale[0] / scale - 1) > 1e-3 or tensor.zero_point != (zero,):
        yield found(
            "range-fixed",
            "error",
            f"the output of {node.op} has scale {tensor.scale[0]:.6g} and zero point {tensor.zero_point[0]}; "
            f"kernels of {tensor.dtype} take it for {scale:.6g} and {zero}",
            "its values are written in one scale and read in another, or the runtime refuses the model",
            "use a converter that follows the 8-bit specification",
            node=node,
            tensor=tensor,
            scale=tensor.scale[0],
        )


def _bounded(node: Node, tensor: Tensor, opened: Opened) -> Iterator[Issue]:
    held = span(tensor)
    low, high = BOUNDS.get(node.op) or BOUNDS.get(opened.fused(node), (-math.inf, math.inf))
    if held is None:
        return
    if node.op in PASSING and node.inputs and node.inputs[0] >= 0:
        fed = span(opened.graph.tensors[node.inputs[0]])
        if fed is not None:
            fed = max(fed[0], low), min(fed[1], high)
            cut = (max(0.0, held[0] - fed[0]) + max(0.0, fed[1] - held[1])) / max(fed[1] - fed[0], 1e-300)
            if cut > CUT and fed[1] > fed[0]:
                yield found(
                    "range-cut",
                    "warning",
                    f"{node.op} is given [{fed[0]:.4g}, {fed[1]:.4g}], its output {short(tensor)} holds "
                    f"[{held[0]:.4g}, {held[1]:.4g}]: "
                    f"{cut:.0%} of the range is cut off",
                    "values there become the limit; whether there are any, captures show",
                    AGAIN,
                    node=node,
                    tensor=tensor,
                    cut=cut,
                )
    unused = (max(0.0, low - held[0]) + max(0.0, held[1] - high)) / (held[1] - held[0])
    if tensor.dtype != "int16" and unused > UNUSED:  # 16 bits are symmetric: half of a RELU's range is never used
        yield found(
            "range-unused",
            "warning",
            f"{unused:.0%} of the range of {short(tensor)}, [{held[0]:.4g}, {held[1]:.4g}], lies where "
            f"{opened.fused(node) if opened.fused(node) != 'NONE' else node.op} has no values",
            "steps are coarser than they need to be",
            AGAIN,
            node=node,
            tensor=tensor,
            unused=unused,
        )
