"""A graph reduced to what quantizing it leaves alone: conversions are seen through, fused activations are steps of their own.

Two models of one origin differ in QUANTIZE and DEQUANTIZE, in where activations are fused, in names and in the order of
nodes. Their skeletons do not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from farm.compare.difference import real
from farm.model import graph as graphs

if TYPE_CHECKING:
    from farm.model.graph import Graph, Node

    Array = np.ndarray[Any, Any]

THROUGH = frozenset({"QUANTIZE", "DEQUANTIZE", "DENSIFY"})
"""What they make is what they are given, in another type."""
SAME = {"SQUEEZE": "RESHAPE", "EXPAND_DIMS": "RESHAPE", "PADV2": "PAD", "RELU_0_TO_1": "RELU_0_TO_1"}
ACTIVATIONS = {1: "RELU", 2: "RELU_N1_TO_1", 3: "RELU6", 4: "TANH", 5: "SIGN_BIT"}
"""`ActivationFunctionType` of the schema."""
COMMUTATIVE = frozenset({"ADD", "MUL", "MAXIMUM", "MINIMUM"})
SAMPLE = 4096
"""Weights looked at of one layer, evenly spread."""


@dataclass(frozen=True)
class Step:
    """One operator, or the activation fused into one."""

    kind: str
    node: int
    """Of the model."""
    inputs: tuple[int, ...]
    """Values, in order; what comes from constants alone is left out."""
    outputs: tuple[int, ...]
    weights: int = -1
    """Tensor of its largest constant, -1 for none."""


@dataclass(frozen=True)
class Skeleton:
    """`value_of` leads from tensors to values, `tensors` back to the tensors that stand for a value, in order of execution."""

    graph: Graph
    steps: tuple[Step, ...]
    value_of: dict[int, int]
    tensors: dict[int, tuple[int, ...]]
    """Nothing for a value between an operator and the activation fused into it."""
    maker: dict[int, int]
    """Value -> position of the step that makes it."""
    readers: dict[int, tuple[int, ...]]
    tree: Any

    def shape(self, value: int) -> tuple[int, ...] | None:
        """Without sizes of 1 and open ones, which converters add and remove; None when no tensor tells."""
        tensors = self.tensors.get(value, ())
        return tuple(d for d in self.graph.tensors[tensors[0]].shape if d > 1) if tensors else None

    def weights(self, step: Step) -> Array | None:
        """An even selection of a step's weights as real numbers; None where it has none, or they are no numbers."""
        if step.weights < 0:
            return None
        tensor = self.graph.tensors[step.weights]
        buffer = self.tree.buffers[self.tree.subgraphs[0].tensors[tensor.index].buffer].data
        if buffer is None or tensor.dtype == "unsupported":
            return None
        data = np.asarray(buffer, np.uint8).tobytes()
        values = np.frombuffer(data, np.dtype(tensor.dtype).newbyteorder("<"))
        if values.size != int(np.prod([max(1, d) for d in tensor.shape])):
            return None  # sparse
        whole = values.reshape([max(1, d) for d in tensor.shape]) if tensor.shape else values
        numbers = real(whole, tensor).ravel()
        picked: Array = numbers[np.linspace(0, numbers.size - 1, min(SAMPLE, numbers.size)).astype(int)]
        return picked if np.isfinite(picked).all() else None


def skeleton(model: bytes, where: str) -> Skeleton:
    """Of a `.tflite`.

    Raises:
        ModelError: the file cannot be read.
    """
    graph, tree = graphs.read(model, where), graphs.unpack(model, where)
    return _Builder(graph, tree).build()


class _Builder:
    def __init__(self, graph: Graph, tree: Any) -> None:
        self.graph, self.tree = graph, tree
        self.steps: list[Step] = []
        self.value_of: dict[int, int] = {}
        self.tensors: dict[int, list[int]] = {}
        self._next = 0

    def build(self) -> Skeleton:
        for tensor in self.graph.inputs:
            self._name(tensor, self._fresh())
        for node in self.graph.nodes:
            if all(t in self.graph.from_constants for t in node.outputs):
                continue
            if node.op in THROUGH and node.inputs and node.inputs[0] in self.value_of:
                for tensor in node.outputs:
                    self._name(tensor, self.value_of[node.inputs[0]])
                continue
            self._step(node)
        maker = {value: i for i, step in enumerate(self.steps) for value in step.outputs}
        readers: dict[int, list[int]] = {}
        for i, step in enumerate(self.steps):
            for value in step.inputs:
                readers.setdefault(value, []).append(i)
        return Skeleton(
            graph=self.graph,
            steps=tuple(self.steps),
            value_of=self.value_of,
            tensors={value: tuple(tensors) for value, tensors in self.tensors.items()},
            maker=maker,
            readers={value: tuple(found) for value, found in readers.items()},
            tree=self.tree,
        )

    def _step(self, node: Node) -> None:
        fused = self._activation(node)
        inputs = tuple(self.value_of[t] for t in node.inputs if t in self.value_of)
        made = [self._fresh() for _ in node.outputs]
        self.steps.append(
            Step(SAME.get(node.op, node.op), node.index, inputs, tuple(made), self._weights(node))
        )  # fmt: skip
        if fused:
            last = self._fresh()
            self.steps.append(Step(fused, node.index, (made[0],), (last,)))
            made[0] = last
        for tensor, value in zip(node.outputs, made, strict=True):
            self._name(tensor, value)

    def _activation(self, node: Node) -> str:
        options = getattr(self.tree.subgraphs[0].operators[node.index], "builtinOptions", None)
        return ACTIVATIONS.get(int(getattr(options, "fusedActivationFunction", 0) or 0), "")

    def _weights(self, node: Node) -> int:
        """The largest constant; seen through what widens it (fp16)."""
        fixed = []
        for tensor in node.inputs:
            found = tensor
            while found >= 0 and not self.graph.tensors[found].constant and found in self.graph.from_constants:
                maker = self.graph.producer(found)
                found = maker.inputs[0] if maker is not None and maker.op in THROUGH and maker.inputs else -1
            if found >= 0 and self.graph.tensors[found].constant:
                fixed.append(found)
        return max(fixed, key=lambda t: (self.graph.tensors[t].nbytes, -t), default=-1)

    def _fresh(self) -> int:
        self._next += 1
        return self._next - 1

    def _name(self, tensor: int, value: int) -> None:
        self.value_of[tensor] = value
        self.tensors.setdefault(value, []).append(tensor)
