"""Scales that stand for no range at all, and that turn a layer's sums into nothing or into its limits."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from farm.model.opened import INTEGERS
from farm.model.rules.finding import AGAIN, found, short

if TYPE_CHECKING:
    from collections.abc import Iterator

    from farm.model.graph import Node, Tensor
    from farm.model.opened import Opened, Weighted
    from farm.report.quantization import Issue

    Array = np.ndarray[Any, Any]

LEAST_NORMAL = float(np.finfo(np.float32).tiny)
VANISHES = 2.0**-32
"""Below it the kernels' fixed-point multiplier is 0 (`QuantizeMultiplier` of TFLite's quantization_util.cc)."""
XNNPACK_MOST = 256.0
"""From it on XNNPACK refuses a layer (its convolution's requantization scale)."""
STEPS_ERROR, STEPS_WARNING = 1.0, 16.0
OPERANDS = frozenset({"ADD", "SUB"})


def check(opened: Opened) -> Iterator[Issue]:
    """Rules `scale-not-finite`, `scale-zero`, `scale-denormal`, `multiplier-vanishes`, `multiplier-large`, `range-unreached`,
    `operand-vanishes`."""
    for tensor in opened.graph.tensors:
        if tensor.scale and tensor.dtype in INTEGERS:
            yield from _degenerate(tensor, opened)
    for node in opened.graph.nodes:
        operands = opened.weighted(node)
        if operands is not None:
            yield from _multiplier(node, operands, opened)
        elif node.op in OPERANDS:
            yield from _operands(node, opened)


def _degenerate(tensor: Tensor, opened: Opened) -> Iterator[Issue]:
    maker = opened.graph.producer(tensor.index)
    scales = tensor.scale
    broken = [s for s in scales if not math.isfinite(s)]
    naught = [s for s in scales if s <= 0]
    small = [s for s in scales if 0 < s < LEAST_NORMAL]
    if broken:
        yield found(
            "scale-not-finite",
            "error",
            f"{len(broken)} of {len(scales)} scales of {short(tensor)} are not finite",
            "no integer stands for a number then: what is computed from it is NaN or a limit",
            AGAIN,
            node=maker,
            tensor=tensor,
            scales=len(broken),
        )
    if naught:
        yield found(
            "scale-zero",
            "error",
            f"{len(naught)} of {len(scales)} scales of {short(tensor)} are {'0' if 0 in naught else 'negative'}",
            "every integer stands for the same number, or kernels refuse the model",
            "calibrate on inputs that reach this layer; its range was empty",
            node=maker,
            tensor=tensor,
            scales=len(naught),
        )
    if small and tensor.constant and len(small) < len(scales):
        yield found(
            "scale-denormal",
            "note",
            f"{len(small)} of {len(scales)} channels of {short(tensor)} have a scale next to 0 (least {min(small):.2g})",
            "their weights are as good as 0: the channels are dead, and processors differ in how they round them",
            "prune these channels",
            node=maker,
            tensor=tensor,
            scales=len(small),
            least=min(small),
        )
    elif small:
        yield found(
            "scale-denormal",
            "error",
            f"the scale of {short(tensor)} is {min(small):.2g}, below the least normal float",
            "processors that flush such numbers to 0 give another answer, and the range it stands for is empty",
            AGAIN,
            node=maker,
            tensor=tensor,
            scales=len(small),
            least=min(small),
        )


def multipliers(operands: Weighted, opened: Opened) -> Array | None:
    """Input scale x weights scale / output scale, of each channel or of all; None where a scale is missing or broken."""
    data, weights, output = (opened.graph.tensors[t] for t in (operands.input, operands.weights, operands.output))
    if len(data.scale) != 1 or len(output.scale) != 1 or not weights.scale:
        return None
    found: Array = data.scale[0] * np.asarray(weights.scale, np.float64) / output.scale[0]
    return found if np.isfinite(found).all() and (found > 0).all() else None


def _multiplier(node: Node, operands: Weighted, opened: Opened) -> Iterator[Issue]:
    factor = multipliers(operands, opened)
    if factor is None:
        return
    output = opened.graph.tensors[operands.output]
    gone, large = int((factor < VANISHES).sum()), int((factor >= XNNPACK_MOST).sum())
    if gone:
        all_of_it = gone == len(factor)
        yield found(
            "multiplier-vanishes",
            "error" if all_of_it else "note",
            f"{gone} of {len(factor)} factors from sums to outputs are below 2^-32 (least {factor.min():.2g})",
            "kernels round them to 0: the layer gives one value whatever it is fed"
            if all_of_it
            else "kernels round them to 0: these channels give one value whatever they are fed",
            f"{short(output)} was calibrated for a range far above what its inputs can reach: {AGAIN}"
            if all_of_it
            else "prune these channels",
            node=node,
            tensor=output,
            channels=gone,
            least=float(factor.min()),
        )
    if large:
        yield found(
            "multiplier-large",
            "warning",
            f"{large} of {len(factor)} factors from sums to outputs are 256 or more (greatest {factor.max():.2g})",
            "one step of the sum is more than the output's whole range, and XNNPACK refuses such a layer",
            f"{short(output)} was calibrated for an empty range: {AGAIN}",
            node=node,
            tensor=output,
            channels=large,
            greatest=float(factor.max()),
        )
    reach = reachable(operands, opened)
    if reach is None or gone == len(factor) or len(factor) not in (1, len(reach[0])):
        return
    steps = float(((reach[1] - reach[0]) * factor).max(initial=0.0))
    if steps < STEPS_WARNING:
        yield found(
            "range-unreached",
            "error" if steps < STEPS_ERROR else "warning",
            f"no input can move {short(output)} by more than {steps:.2g} of its steps",
            "its range is far wider than what its inputs and weights can reach: nearly all information is rounded away",
            f"{short(output)} was calibrated on something else: {AGAIN}",
            node=node,
            tensor=output,
            steps=steps,
        )


def reachable(operands: Weighted, opened: Opened) -> tuple[Array, Array] | None:
    """Least and greatest sum (float64 [channels], without the bias) that any input gives, by interval arithmetic.

    None where weights are no constants of the file or the input has no scale of its own.
    """
    data = opened.graph.tensors[operands.input]
    if len(data.zero_point) != 1 or data.dtype not in INTEGERS:
        return None
    limits = np.iinfo(np.dtype(data.dtype))
    low, high = (float(v) - data.zero_point[0] for v in (limits.min, limits.max))
    least, most = [], []
    for _, weights in opened.rows(operands):
        least.append(np.minimum(weights * low, weights * high).sum(axis=1))
        most.append(np.maximum(weights * low, weights * high).sum(axis=1))
    return (np.concatenate(least), np.concatenate(most)) if least else None


def _operands(node: Node, opened: Opened) -> Iterator[Issue]:
    output = opened.graph.tensors[node.outputs[0]] if node.outputs and node.outputs[0] >= 0 else None
    if output is None or len(output.scale) != 1 or not output.scale[0] > 0 or output.dtype not in INTEGERS:
        return
    for index in dict.fromkeys(t for t in node.inputs if t >= 0):
        data = opened.graph.tensors[index]
        if len(data.scale) != 1 or data.dtype not in INTEGERS or not math.isfinite(data.scale[0]):
            continue
        limits = np.iinfo(np.dtype(data.dtype))
        steps = data.scale[0] * (int(limits.max) - int(limits.min)) / output.scale[0]
        if steps < STEPS_ERROR:
            yield found(
                "operand-vanishes",
                "warning",
                f"the whole range of {short(data)} is {steps:.2g} of a step of {short(output)}",
                f"{node.op} gives its other operand alone",
                AGAIN,
                node=node,
                tensor=data,
                steps=steps,
            )
