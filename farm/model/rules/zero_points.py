"""Zero points and channels as TFLite's 8-bit specification has them.

Source: https://ai.google.dev/edge/litert/models/quantization_spec
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from farm.model.opened import ACTIVATIONS, INTEGERS
from farm.model.rules.finding import found, short

if TYPE_CHECKING:
    from collections.abc import Iterator

    from farm.model.graph import Tensor
    from farm.model.opened import Opened
    from farm.report.quantization import Issue

SPEC = "use a converter that follows the 8-bit specification"
CARRIERS = frozenset({"RESHAPE", "SQUEEZE", "EXPAND_DIMS", "TRANSPOSE", "DEQUANTIZE", "QUANTIZE"})


def check(opened: Opened) -> Iterator[Issue]:
    """Rules `zero-point-count`, `zero-point-range`, `zero-point-weights`, `zero-point-int16`, `channel-count`, `channel-axis`,
    `channel-activation`."""
    for tensor in opened.graph.tensors:
        if tensor.scale and tensor.dtype in INTEGERS:
            yield from _tensor(tensor, opened)
    seen: set[int] = set()
    for node in opened.graph.nodes:
        operands = opened.weighted(node)
        if operands is None or operands.weights in seen:
            continue
        seen.add(operands.weights)
        weights = opened.graph.tensors[operands.weights]
        if weights.dtype == "int8" and weights.scale and any(weights.zero_point):
            yield found(
                "zero-point-weights",
                "error",
                f"int8 weights {short(weights)} have zero point {next(z for z in weights.zero_point if z)}",
                "int8 kernels take weights as symmetric and leave the zero point out: every sum is off",
                SPEC,
                node=node,
                tensor=weights,
                zero_point=next(z for z in weights.zero_point if z),
            )
        if len(weights.scale) > 1 and weights.axis != operands.axis and 0 <= weights.axis < len(weights.shape):
            yield found(
                "channel-axis",
                "error",
                f"{short(weights)} is quantized along axis {weights.axis}; "
                f"the output channels of {node.op} are axis {operands.axis}",
                "kernels take the scales for those of the output channels",
                SPEC,
                node=node,
                tensor=weights,
                axis=weights.axis,
            )


def _tensor(tensor: Tensor, opened: Opened) -> Iterator[Issue]:
    maker, limits = opened.graph.producer(tensor.index), np.iinfo(np.dtype(tensor.dtype))
    if len(tensor.zero_point) != len(tensor.scale):
        yield found(
            "zero-point-count",
            "error",
            f"{short(tensor)} has {len(tensor.scale)} scales and {len(tensor.zero_point)} zero points",
            "kernels read past the shorter list, or refuse the model",
            SPEC,
            node=maker,
            tensor=tensor,
        )
    outside = [z for z in tensor.zero_point if not limits.min <= z <= limits.max]
    if outside:
        yield found(
            "zero-point-range",
            "error",
            f"zero point {outside[0]} of {short(tensor)} is no {tensor.dtype}",
            "0 cannot be stored: padding and activations are wrong",
            SPEC,
            node=maker,
            tensor=tensor,
            zero_point=float(outside[0]),
        )
    if tensor.dtype == "int16" and any(tensor.zero_point) and not outside:
        yield found(
            "zero-point-int16",
            "error",
            f"int16 tensor {short(tensor)} has zero point {tensor.zero_point[0]}",
            "16-bit kernels are symmetric and leave the zero point out",
            SPEC,
            node=maker,
            tensor=tensor,
        )
    if len(tensor.scale) > 1:
        size = tensor.shape[tensor.axis] if 0 <= tensor.axis < len(tensor.shape) else None
        if size != len(tensor.scale):
            has = f"no axis {tensor.axis}" if size is None else f"{size} channels along axis {tensor.axis}"
            yield found(
                "channel-count",
                "error",
                f"{short(tensor)} has {len(tensor.scale)} scales and {has}",
                "the scales fit no axis: which channel has which is a guess",
                SPEC,
                node=maker,
                tensor=tensor,
                scales=len(tensor.scale),
            )
        readers = opened.readers.get(tensor.index, [])
        if tensor.dtype in ACTIVATIONS and not tensor.constant and any(n.op not in CARRIERS for n in readers):
            yield found(
                "channel-activation",
                "error",
                f"{short(tensor)} changes from frame to frame and has a scale for each channel",
                "kernels use the first scale for all of it",
                "quantize activations with one scale",
                node=maker,
                tensor=tensor,
                scales=len(tensor.scale),
            )
