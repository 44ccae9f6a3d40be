"""Which node of the graph an event of the runtime's profiler belongs to.

Operators that TFLite runs itself carry their node's index. XNNPACK's events carry its own names, in execution order, with
helpers of its own between them: they are aligned by sequence, and only what every best alignment agrees on is kept.
"""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from farm.capture.rows import OpTime
    from farm.model.graph import Graph, Node

OPERATOR, DELEGATED, PROFILED = 2, 4, 8
"""Event types: an operator of TFLite's own, one a delegate reports as such, one inside a delegate."""
LIMIT_CELLS = 4_000_000
"""Of the table events x nodes; a larger model keeps what its events say themselves."""

_UNARY = "ABS CEIL COS ELU EXP FLOOR GELU HARD_SWISH LEAKY_RELU LOG LOGISTIC NEG RELU RELU6 RELU_0_TO_1 RELU_N1_TO_1 "
_UNARY += "ROUND RSQRT SIGN SIN SQRT SQUARE TANH CAST QUANTIZE DEQUANTIZE"
_BINARY = "ADD SUB MUL DIV MAXIMUM MINIMUM SQUARED_DIFFERENCE POW PRELU"
_RESHAPES = "RESHAPE SQUEEZE EXPAND_DIMS"
_OPS = {
    "convolution": "CONV_2D DEPTHWISE_CONV_2D",
    "fully connected": "FULLY_CONNECTED CONV_2D",  # a 1x1 convolution is one
    "dynamic fully connected": "FULLY_CONNECTED",
    "deconvolution": "TRANSPOSE_CONV",
    "average pooling": "AVERAGE_POOL_2D MEAN",
    "global average pooling": "AVERAGE_POOL_2D MEAN",
    "max pooling": "MAX_POOL_2D",
    "mean": "MEAN AVERAGE_POOL_2D",
    "sum": "SUM",
    "static reshape": _RESHAPES,
    "copy": f"{_RESHAPES} CONCATENATION PACK SPLIT",
    "constant pad": "PAD PADV2",
    "add": "ADD",
    "subtract": "SUB",
    "multiply": "MUL",
    "divide": "DIV",
    "maximum": "MAXIMUM",
    "minimum": "MINIMUM",
    "squared difference": "SQUARED_DIFFERENCE",
    "prelu": "PRELU LEAKY_RELU",
    "softmax": "SOFTMAX",
    "sigmoid": "LOGISTIC",
    "tanh": "TANH",
    "clamp": "RELU RELU6 RELU_0_TO_1 RELU_N1_TO_1",
    "hardswish": "HARD_SWISH",
    "leaky relu": "LEAKY_RELU",
    "elu": "ELU",
    "gelu": "GELU",
    "abs": "ABS",
    "negate": "NEG",
    "floor": "FLOOR",
    "ceiling": "CEIL",
    "bankers rounding": "ROUND",
    "square": "SQUARE",
    "square root": "SQRT",
    "reciprocal square root": "RSQRT",
    "exp": "EXP",
    "log": "LOG",
    "sine": "SIN",
    "cosine": "COS",
    "convert": "QUANTIZE DEQUANTIZE CAST",
    "unary elementwise": _UNARY,
    "binary elementwise": _BINARY,
    "resize bilinear": "RESIZE_BILINEAR",
    "transpose": "TRANSPOSE",
    "slice": "SLICE STRIDED_SLICE SPLIT",
    "batch matrix multiply": "BATCH_MATMUL",
    "depth to space": "DEPTH_TO_SPACE",
    "space to depth": "SPACE_TO_DEPTH",
}


def align(events: Sequence[OpTime], graph: Graph) -> tuple[int | None, ...]:
    """For each event of one frame, in order, the index of its node; None where that is not certain."""
    direct = [_direct(event, graph) for event in events]
    taken = {node for node in direct if node is not None}
    open_events = [i for i, event in enumerate(events) if event.type in (DELEGATED, PROFILED) and direct[i] is None]
    open_nodes = [node for node in graph.nodes if node.index not in taken]
    if len(open_events) * len(open_nodes) > LIMIT_CELLS:
        return tuple(direct)
    matched = _certain([events[i].tag for i in open_events], [node.op for node in open_nodes])
    result = list(direct)
    for event, node in matched.items():
        result[open_events[event]] = open_nodes[node].index
    return tuple(result)


def _direct(event: OpTime, graph: Graph) -> int | None:
    node: Node | None = graph.nodes[event.index] if 0 <= event.index < len(graph.nodes) else None
    return node.index if event.type == OPERATOR and node is not None and node.op == event.tag else None


@functools.cache
def _ops_of(tag: str) -> frozenset[str]:
    """Operators that an event's tag may stand for: `Fully Connected (NC, F32) GEMM`, or an operator's own name."""
    words = re.sub(r"[^a-z ]", "", tag.partition("(")[0].lower()).strip()
    return frozenset(_OPS.get(words, "").split()) | {tag.strip()}


def _certain(tags: list[str], ops: list[str]) -> dict[int, int]:
    """Pairs (event, node) that are part of every longest order-preserving matching."""
    fits = [[op in _ops_of(tag) for op in ops] for tag in tags]
    if not tags or not ops:
        return {}
    head = _longest(fits)  # head[i][j]: of the first i tags and j ops
    tail = _longest([row[::-1] for row in fits[::-1]])  # of the last
    best, n, m = head[len(tags)][len(ops)], len(tags), len(ops)
    certain: dict[int, int] = {}
    for i in range(n):
        partners = [j for j in range(m) if fits[i][j] and head[i][j] + 1 + tail[n - i - 1][m - j - 1] == best]
        # The event may also be left out of a best matching: then nothing is certain about it.
        spare = any(head[i][j] + tail[n - i - 1][m - j] == best for j in range(m + 1))
        if len(partners) == 1 and not spare:
            certain[i] = partners[0]
    return certain


def _longest(fits: list[list[bool]]) -> list[list[int]]:
    table = [[0] * (len(fits[0]) + 1)]
    for row in fits:
        above, line = table[-1], [0]
        for j, fit in enumerate(row):
            line.append(above[j] + 1 if fit else max(above[j + 1], line[j]))
        table.append(line)
    return table
