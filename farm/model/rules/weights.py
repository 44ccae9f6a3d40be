"""Constants: broken numbers, layers and channels that are switched off, and weights that use few of their codes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from farm.model.rules.finding import AGAIN, found, short, some

if TYPE_CHECKING:
    from collections.abc import Iterator

    from farm.model.graph import Node, Tensor
    from farm.model.opened import Opened
    from farm.report.quantization import Issue

    Array = np.ndarray[Any, Any]

COARSE_BITS = 5.0
"""Of a tensor, or of most of its channels: fewer are told."""
LIMIT_SHARE, LEAST_VALUES = 0.05, 64
"""Of weights at the limits of their type, one for each channel left out: calibration by least and greatest puts one there."""


def check(opened: Opened) -> Iterator[Issue]:
    """Rules `constant-size`, `weights-not-finite`, `weights-zero`, `channels-dead`, `weights-coarse`, `weights-cut`,
    `weights-half`."""
    half: list[str] = []
    for tensor in opened.graph.tensors:
        if tensor.constant:
            yield from _constant(tensor, opened)
        if tensor.constant and tensor.dtype == "float16":
            half.append(tensor.name)
    if half:
        yield found(
            "weights-half",
            "note",
            f"{len(half)} constants are float16: {some(half)}",
            "they are widened when the model is loaded: half the file, the same memory, three digits",
            "nothing to do, if that is meant",
            constants=len(half),
        )
    seen: set[int] = set()
    dead: list[tuple[str, int, int]] = []
    for node in opened.graph.nodes:
        operands = opened.weighted(node)
        if operands is None or operands.weights in seen:
            continue
        seen.add(operands.weights)
        weights = opened.graph.tensors[operands.weights]
        rows = [(block.min(axis=1), block.max(axis=1)) for _, block in opened.rows(operands)]
        if not rows:
            continue
        least, most = (np.nan_to_num(np.concatenate(ends)) for ends in zip(*rows, strict=True))
        size = np.maximum(np.abs(least), np.abs(most))
        if not size.any():
            yield found(
                "weights-zero",
                "warning",
                f"all weights of {short(weights)} are 0",
                "the layer gives its bias, whatever it is fed",
                "was it trained, and were its weights loaded before the export?",
                node=node,
                tensor=weights,
            )
            continue
        if not (size > 0).all():
            dead.append((weights.name, int((size == 0).sum()), len(size)))
        values = opened.values(operands.weights)
        if weights.scale and values is not None and values.dtype.kind in "iu":
            yield from _codes(node, weights, values, least, most)
    if dead:
        yield found(
            "channels-dead",
            "note",
            f"{sum(n for _, n, _ in dead)} channels of {len(dead)} layers have weights of 0 only: "
            + some([f"{n} of {of} in {name}" for name, n, of in dead]),
            "they give their bias, whatever they are fed",
            "prune them: it makes the model smaller and changes no answer",
            channels=sum(n for _, n, _ in dead),
        )


def _constant(tensor: Tensor, opened: Opened) -> Iterator[Issue]:
    values, readers = opened.values(tensor.index), opened.readers.get(tensor.index, [])
    reader = readers[0] if readers else None
    data = opened.raw(tensor.index)
    if values is None and data is not None and tensor.dtype != "unsupported" and not opened.sparse(tensor.index):
        wanted = np.dtype(tensor.dtype).itemsize * math.prod(tensor.shape)
        if len(data) != wanted:
            yield found(
                "constant-size",
                "error",
                f"{short(tensor)} holds {len(data)} bytes, its shape {list(tensor.shape)} of {tensor.dtype} wants {wanted}",
                "the file is damaged: runtimes refuse it, or read what is not there",
                "export it again",
                node=reader,
                tensor=tensor,
                bytes=len(data),
            )
    if values is not None and values.dtype.kind == "f" and not np.isfinite(values).all():
        broken = int((~np.isfinite(values)).sum())
        yield found(
            "weights-not-finite",
            "error",
            f"{broken} of {values.size} values of {short(tensor)} are NaN or infinite",
            "they spread to every answer",
            "look at the checkpoint: training diverged, or a type was too narrow",
            node=reader,
            tensor=tensor,
            values=broken,
        )


def _codes(node: Node, weights: Tensor, values: Array, low: Array, high: Array) -> Iterator[Issue]:
    """`low` and `high` are the least and greatest weight of each output channel, in codes from the zero point."""
    limits = np.iinfo(values.dtype)
    # Signed weights are symmetric: -128 is not used.
    least, most = (limits.min + 1 if limits.min < 0 else limits.min), limits.max
    each = values.size // len(low)
    whole_bits = math.log2(float(high.max()) - float(low.min()) + 1)
    own = np.log2(high - low + 1)[(low != 0) | (high != 0)]
    few = int((own < COARSE_BITS).sum()) if each > 1 else 0
    if whole_bits < COARSE_BITS:
        yield found(
            "weights-coarse",
            "warning",
            f"{short(weights)} uses {whole_bits:.1f} of {limits.bits} bits",
            "its scale is far too wide for its values: they were rounded away",
            AGAIN,
            node=node,
            tensor=weights,
            bits=whole_bits,
        )
    elif few > len(low) // 2 and len(weights.scale) == 1:
        yield found(
            "weights-coarse",
            "note",
            f"{few} of {len(low)} channels of {short(weights)} use fewer than {COARSE_BITS:.0f} of {limits.bits} bits",
            "one scale stands for channels of very different size: the small ones are rounded away",
            "quantize weights with a scale for each channel",
            node=node,
            tensor=weights,
            channels=few,
        )
    at_limit = int(((values <= least) | (values >= most)).sum())
    beyond = at_limit - 2 * len(low)
    if values.size >= LEAST_VALUES and each > 2 and beyond > LIMIT_SHARE * values.size:
        yield found(
            "weights-cut",
            "warning",
            f"{at_limit} of {values.size} values of {short(weights)} are at the limits of {weights.dtype}",
            "its scale is too narrow for its values: they were cut off",
            AGAIN,
            node=node,
            tensor=weights,
            share=at_limit / values.size,
        )
