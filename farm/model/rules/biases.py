"""Integer biases: what a degenerate calibration leaves behind, and what kernels assume of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from farm.model.rules.finding import AGAIN, found, short

if TYPE_CHECKING:
    from collections.abc import Iterator

    from farm.model.graph import Node
    from farm.model.opened import Opened, Weighted
    from farm.report.quantization import Issue

    Array = np.ndarray[Any, Any]

BIASES = frozenset({"int32", "int64"})
TOLERANCE = 1e-3
"""Relative, of the bias's scale: converters round it to float32."""
REFUSED = 0.02
"""Of the output's scale: beyond it TFLite refuses a layer of one scale (GetQuantizedConvolutionMultiplier of kernel_util.cc)."""


def check(opened: Opened) -> Iterator[Issue]:
    """Rules `bias-saturated`, `bias-scale`, `bias-zero-point`."""
    seen: set[int] = set()
    for node in opened.graph.nodes:
        operands = opened.weighted(node)
        if operands is None or operands.bias < 0 or operands.bias in seen:
            continue
        seen.add(operands.bias)
        if opened.graph.tensors[operands.bias].dtype in BIASES:
            yield from _saturated(node, operands, opened)
            yield from _scale(node, operands, opened)


def _saturated(node: Node, operands: Weighted, opened: Opened) -> Iterator[Issue]:
    bias, values = opened.graph.tensors[operands.bias], opened.values(operands.bias)
    if values is None:
        return
    limits = np.iinfo(values.dtype)
    at_limit = int(((values >= limits.max) | (values <= limits.min + 1)).sum())
    if at_limit:
        yield found(
            "bias-saturated",
            "error",
            f"{at_limit} of {values.size} values of {short(bias)} are at the limit of {bias.dtype}",
            "the bias did not fit: the layer's input or its weights were calibrated on a degenerate range, and per-layer errors "
            "blame the next layer",
            f"{AGAIN}; dead channels that cause it can be pruned",
            node=node,
            tensor=bias,
            channels=at_limit,
        )


def _scale(node: Node, operands: Weighted, opened: Opened) -> Iterator[Issue]:
    data, weights, bias, output = (
        opened.graph.tensors[t] for t in (operands.input, operands.weights, operands.bias, operands.output)
    )
    if any(bias.zero_point):
        yield found(
            "bias-zero-point",
            "error",
            f"{short(bias)} has zero point {next(z for z in bias.zero_point if z)}",
            "kernels add biases as they are stored",
            "use a converter that follows the 8-bit specification",
            node=node,
            tensor=bias,
        )
    if len(data.scale) != 1 or not weights.scale or not bias.scale:
        return
    product = data.scale[0] * np.asarray(weights.scale, np.float64)
    scale = np.asarray(bias.scale, np.float64)
    if len(scale) != len(product) and 1 not in (len(scale), len(product)):
        yield found(
            "bias-scale",
            "error",
            f"{short(bias)} has {len(scale)} scales, its layer's weights have {len(product)}",
            "kernels take biases in units of input scale x weights scale",
            AGAIN,
            node=node,
            tensor=bias,
        )
        return
    sound = (product > 0) & np.isfinite(product) & np.isfinite(scale)
    off = np.where(sound, np.abs(scale / np.where(sound, product, 1.0) - 1), 0.0)
    if off.max(initial=0.0) <= TOLERANCE:
        return
    refused = bool(output.scale) and float(np.abs(scale - product).max()) > REFUSED * output.scale[0]
    # What the wrong unit does to the sum counts, not the unit: a bias of 0 is right in any.
    shift = _shift(operands, opened, scale, product)
    if shift is not None and shift < 1.0 and not refused:
        return
    moved = "" if shift is None else f": outputs move by up to {shift:.2g} steps"
    yield found(
        "bias-scale",
        "error",
        f"the scale of {short(bias)} is {off.max():.1%} off input scale x weights scale{moved}",
        "kernels add biases in units of that product, whatever their own scale says",
        AGAIN,
        node=node,
        tensor=bias,
        off=float(off.max()),
        **({} if shift is None else {"steps": shift}),
    )


def _shift(operands: Weighted, opened: Opened, scale: Array, product: Array) -> float | None:
    """By how many steps of the output the bias is off, at most; None where that cannot be told."""
    values, output = opened.values(operands.bias), opened.graph.tensors[operands.output]
    if values is None or values.ndim != 1 or len(output.scale) != 1 or not output.scale[0] > 0:
        return None
    if any(len(s) not in (1, len(values)) for s in (scale, product)):
        return None
    return float(np.abs(values.astype(np.float64) * (scale - product) / output.scale[0]).max(initial=0.0))
