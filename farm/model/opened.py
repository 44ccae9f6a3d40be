"""A model with its constants and operator options at hand, for whoever looks into the file without running it."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from farm.model import graph as graphs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from farm.model.graph import Graph, Node, Tensor
    from farm.model.recipe import Recipe

    Array = np.ndarray[Any, Any]

INTEGERS = frozenset({"int8", "uint8", "int16", "int32", "int64"})
ACTIVATIONS = frozenset({"int8", "uint8", "int16"})
"""Types that layers pass on; wider ones hold biases, sizes and indices."""
FUSED = {0: "NONE", 1: "RELU", 2: "RELU_N1_TO_1", 3: "RELU6", 4: "TANH", 5: "SIGN_BIT"}
BLOCK = 1 << 20
"""Weights in memory at a time as real numbers."""
WEIGHTED = frozenset({"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV"})


@dataclass(frozen=True)
class Weighted:
    """The operands of a convolution or matrix product; tensor indices, -1 for none."""

    input: int
    weights: int
    bias: int
    output: int
    axis: int
    """Of the output channels, in the weights."""


class Opened:
    """A model's file. `recipe` is what it is fed by, where that is known."""

    def __init__(self, data: bytes, where: str = "model", recipe: Recipe | None = None) -> None:
        """Read it.

        Raises:
            ModelError: as `graph.read`.
        """
        self.graph: Graph = graphs.read(data, where)
        self.recipe = recipe
        self._tree = graphs.unpack(data, where)
        self._values: dict[int, Array | None] = {}

    def raw(self, tensor: int) -> Array | None:
        """Bytes of a constant inside the flatbuffer, uint8, not copied; None where there are none."""
        buffer = self._tree.buffers[self._tree.subgraphs[0].tensors[tensor].buffer]
        if buffer.data is None or len(buffer.data) == 0:
            return None
        return np.asarray(buffer.data, np.uint8)

    def values(self, tensor: int) -> Array | None:
        """A constant as stored, in its shape; None for what is no constant, packed, sparse, or does not fill its shape."""
        if tensor < 0:
            return None
        if tensor not in self._values:
            self._values[tensor] = self._read(tensor)
        return self._values[tensor]

    def sparse(self, tensor: int) -> bool:
        """Whether a constant is stored without its zeros."""
        return self._tree.subgraphs[0].tensors[tensor].sparsity is not None

    def option(self, node: Node, name: str, default: Any = None) -> Any:
        """A field of an operator's options."""
        options = self._tree.subgraphs[0].operators[node.index].builtinOptions
        return getattr(options, name, default)

    def fused(self, node: Node) -> str:
        """The activation an operator ends with: `RELU6`, ..., `NONE`."""
        return FUSED.get(self.option(node, "fusedActivationFunction", 0), "NONE")

    def weighted(self, node: Node) -> Weighted | None:
        """Operands of a convolution or matrix product; None for other operators, or where one is missing."""
        if node.op not in WEIGHTED or not node.outputs or node.outputs[0] < 0:
            return None
        padded = (*node.inputs, -1, -1, -1, -1)
        data, bias = (padded[2], padded[3]) if node.op == "TRANSPOSE_CONV" else (padded[0], padded[2])
        if data < 0 or padded[1] < 0:
            return None
        return Weighted(data, padded[1], bias, node.outputs[0], 3 if node.op == "DEPTHWISE_CONV_2D" else 0)

    def rows(self, operands: Weighted) -> Iterator[tuple[slice, Array]]:
        """Constant weights less their zero point, some output channels at a time: (which, float64 [channels, values]).

        Nothing where they are no constants, or their zero points belong to another axis.
        """
        weights, values = self.graph.tensors[operands.weights], self.values(operands.weights)
        if values is None or not 0 <= operands.axis < values.ndim or not values.size:
            return
        channels = np.moveaxis(values, operands.axis, 0)
        zero = np.asarray(weights.zero_point if weights.scale else (0,), np.float64)
        if len(zero) not in (1, len(channels)):
            return
        each = max(1, BLOCK * len(channels) // values.size)
        for start in range(0, len(channels), each):
            which = slice(start, start + each)
            block = channels[which].astype(np.float64)
            block -= (zero if len(zero) == 1 else zero[which]).reshape(-1, *[1] * (block.ndim - 1))
            yield which, block.reshape(len(block), -1)

    @functools.cached_property
    def readers(self) -> dict[int, list[Node]]:
        """Operators that read each tensor."""
        found: dict[int, list[Node]] = {}
        for node in self.graph.nodes:
            for t in dict.fromkeys(node.inputs):
                found.setdefault(t, []).append(node)
        return found

    def activations(self) -> list[Tensor]:
        """Quantized tensors that change from frame to frame."""
        return [
            t
            for t in self.graph.tensors
            if t.scale and t.dtype in ACTIVATIONS and not t.constant and t.index not in self.graph.from_constants
        ]

    def _read(self, tensor: int) -> Array | None:
        t = self.graph.tensors[tensor]
        data = self.raw(tensor) if t.constant and t.dtype != "unsupported" and not self.sparse(tensor) else None
        if data is None:
            return None
        dtype = np.dtype(t.dtype).newbyteorder("<")
        if any(d < 0 for d in t.shape) or len(data) != dtype.itemsize * math.prod(t.shape):
            return None
        return np.frombuffer(data, dtype).reshape(t.shape)


def span(tensor: Tensor) -> tuple[float, float] | None:
    """Least and greatest real value that a tensor of one scale can hold; None where the two are no range."""
    if len(tensor.scale) != 1 or len(tensor.zero_point) != 1 or tensor.dtype not in INTEGERS:
        return None
    scale, zero, limits = tensor.scale[0], tensor.zero_point[0], np.iinfo(np.dtype(tensor.dtype))
    if not (math.isfinite(scale) and scale > 0):
        return None
    low, high = scale * (int(limits.min) - zero), scale * (int(limits.max) - zero)
    return (low, high) if low < high < math.inf and low > -math.inf else None


def along(tensor: Tensor) -> tuple[Array, Array] | None:
    """Scale and zero point in a shape that meets the tensor's values; None where they do not fit them."""
    n = len(tensor.scale)
    if n == 0 or len(tensor.zero_point) != n:
        return None
    scale, zero = np.asarray(tensor.scale, np.float64), np.asarray(tensor.zero_point, np.float64)
    if n == 1:
        return scale[0], zero[0]
    if not 0 <= tensor.axis < len(tensor.shape) or tensor.shape[tensor.axis] != n:
        return None
    shape = [n if axis == tensor.axis else 1 for axis in range(len(tensor.shape))]
    return scale.reshape(shape), zero.reshape(shape)
