"""A quantized model simulated on its float twin, with some of its layers kept in float.

The twin's tensors are rounded to the quantized model's scales (QUANTIZE and DEQUANTIZE behind each), its weights and biases are
the quantized ones made real. A layer kept in float has its own weights, and a tensor stays real where all that make and read it
are kept: as a converter that leaves these layers out would write the model.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from farm.model import rewrite
from farm.model.opened import ACTIVATIONS, Opened, along

if TYPE_CHECKING:
    from collections.abc import Mapping

    from farm.model.graph import Node, Tensor

    Array = np.ndarray[Any, Any]

FREE = frozenset(
    {
        "QUANTIZE",
        "DEQUANTIZE",
        "RESHAPE",
        "SQUEEZE",
        "EXPAND_DIMS",
        "TRANSPOSE",
        "SLICE",
        "STRIDED_SLICE",
        "SPLIT",
        "UNPACK",
    }
)
"""Operators that are as they are in any type, and follow their neighbors."""
UP = 3
"""Operators to look back through, in the twin, for the one with the weights: an activation that is not fused there."""


@dataclass(frozen=True)
class Group:
    """Quantized tensors that hold one value, seen through `FREE` operators, and the layers at its ends."""

    tensors: tuple[int, ...]
    ends: frozenset[int]
    """Nodes that make or read it; it is real where all of them are kept in float."""


class Mixed:
    """One quantized model and its twin. `twins` leads from tensors of the first to tensors of the second."""

    def __init__(
        self, quantized: bytes, twin: bytes, twins: Mapping[int, int], where: str = "model", twin_where: str = ""
    ) -> None:
        """Read both.

        Raises:
            ModelError: one of them cannot be read, or keeps its weights outside the flatbuffer.
        """
        self.opened = Opened(quantized, where)
        self._twin, self._where = twin, twin_where or where
        self.twin = Opened(twin, self._where)
        self.twins = {
            mine: other for mine, other in twins.items() if self._holds(mine) and other < len(self.twin.graph.tensors)
        }

    @functools.cached_property
    def layers(self) -> tuple[Node, ...]:
        """Nodes that can be kept in float: they read or make a quantized tensor that the twin has, or quantized weights."""
        graph = self.opened.graph
        return tuple(
            node
            for node in graph.nodes
            if node.op not in FREE
            and any(t in self.twins for t in (*node.inputs, *node.outputs))
            and not all(t in graph.from_constants for t in node.outputs)
        )

    @functools.cached_property
    def groups(self) -> tuple[Group, ...]:
        """Quantized values, in execution order."""
        graph = self.opened.graph
        parent: dict[int, int] = {}

        def root(t: int) -> int:
            while parent.setdefault(t, t) != t:
                t = parent[t]
            return t

        moving = [n for n in graph.nodes if not all(t in graph.from_constants for t in n.outputs)]
        for node in moving:
            data = (
                [t for t in node.inputs[:1] if t >= 0]
                if node.op != "SPLIT"
                else [t for t in node.inputs[1:2] if t >= 0]
            )
            if node.op in FREE:
                for t in (*data, *node.outputs):
                    parent[root(t)] = root(data[0]) if data else root(t)
        ends: dict[int, set[int]] = {}
        members: dict[int, list[int]] = {}
        for node in moving:
            for t in dict.fromkeys((*node.inputs, *node.outputs)):
                if t < 0 or t in graph.from_constants:
                    continue
                found = ends.setdefault(root(t), set())
                if node.op not in FREE:
                    found.add(node.index)
                if t in self.twins and t not in members.setdefault(root(t), []):
                    members[root(t)].append(t)
        return tuple(Group(tuple(members[r]), frozenset(ends[r])) for r in members if members[r])

    def model(self, kept: frozenset[int]) -> bytes:
        """The simulation with the nodes `kept` of the quantized model in float: a float `.tflite` with the twin's inputs.

        Raises:
            ModelError: the twin is damaged.
        """
        from ai_edge_litert import schema_py_generated as schema

        graph, tree = rewrite.open_model(self._twin, self._where, "simulated")
        main = tree.subgraphs[0]
        rounded = self._rounded(kept)
        codes = {name: _code(tree, getattr(schema.BuiltinOperator, name)) for name in ("QUANTIZE", "DEQUANTIZE")}
        moved: dict[int, int] = {}
        after: dict[int, list[Any]] = {}
        for other, hows in rounded.items():
            maker = graph.producer(other)
            last = other
            for tensor in hows:
                first = len(main.tensors)
                main.tensors += [_stored(main.tensors[other], tensor), _real(main.tensors[other], tensor)]
                after.setdefault(-1 if maker is None else maker.index, []).extend(
                    (_op(codes["QUANTIZE"], last, first), _op(codes["DEQUANTIZE"], first, first + 1))
                )
                last = first + 1
            moved[other] = last
        constants = self._constants(kept)
        operators = list(after.get(-1, ()))
        for node, operator in zip(graph.nodes, main.operators or (), strict=True):
            operator.inputs = [moved.get(t, t) for t in node.inputs]
            for position, values in constants.get(node.index, {}).items():
                operator.inputs[position] = _constant(tree, values, f"farm/rounded_{node.index}_{position}")
            operators += [operator, *after.get(node.index, ())]
        main.operators = operators
        for signature in tree.signatureDefs or ():
            for entry in signature.outputs or () if signature.subgraphIndex == 0 else ():
                entry.tensorIndex = moved.get(int(entry.tensorIndex), int(entry.tensorIndex))
        outputs = [moved.get(t, t) for t in graph.outputs]
        return rewrite.pack(tree, self._where, outputs=outputs, more_outputs={})

    def more_bytes(self, kept: frozenset[int]) -> int:
        """What constants grow by when these nodes keep theirs in float32."""
        more, seen = 0, set[int]()
        for node in self.opened.graph.nodes:
            for t in node.inputs if node.index in kept else ():
                values = self.opened.values(t)
                if values is not None and self.opened.graph.tensors[t].scale and t not in seen:
                    seen.add(t)
                    more += values.size * (4 - values.dtype.itemsize)
        return more

    def _holds(self, t: int) -> bool:
        tensor = self.opened.graph.tensors[t]
        return (
            len(tensor.scale) == 1
            and tensor.scale[0] > 0
            and np.isfinite(tensor.scale[0])
            and tensor.dtype in ACTIVATIONS
        )

    def _rounded(self, kept: frozenset[int]) -> dict[int, list[Tensor]]:
        """Twin's tensor -> the tensors of the quantized model whose scales it passes, one for each scale."""
        found: dict[int, list[Tensor]] = {}
        for group in self.groups:
            if group.ends <= kept:
                continue
            for t in group.tensors:
                tensor, hows = self.opened.graph.tensors[t], found.setdefault(self.twins[t], [])
                if all(
                    (h.scale, h.zero_point, h.dtype) != (tensor.scale, tensor.zero_point, tensor.dtype) for h in hows
                ):
                    hows.append(tensor)
        return found

    def _constants(self, kept: frozenset[int]) -> dict[int, dict[int, Array]]:
        """Twin's node -> input position -> the quantized model's constant there, real."""
        return {
            other.index: found
            for node, other in self.pairs
            if node.index not in kept and (found := self._real_constants(node, other))
        }

    @functools.cached_property
    def pairs(self) -> tuple[tuple[Node, Node], ...]:
        """Layers with constants and the nodes of the twin that they are."""
        found = []
        for node in self.opened.graph.nodes:
            if node.op in FREE or not any(self.opened.values(t) is not None for t in node.inputs):
                continue
            out = next((self.twins[t] for t in node.outputs if t in self.twins), None)
            other = None if out is None else self._like(node, out)
            if other is not None:
                found.append((node, other))
        return tuple(found)

    def _like(self, node: Node, tensor: int) -> Node | None:
        graph = self.twin.graph
        for _ in range(UP):
            other = graph.producer(tensor)
            if other is None or other.op == node.op:
                return other
            data = [t for t in other.inputs if t >= 0 and t not in graph.from_constants]
            if len(data) != 1:
                return None
            tensor = data[0]
        return None

    def _real_constants(self, node: Node, other: Node) -> dict[int, Array]:
        graph, found = self.opened.graph, {}
        operands = self.opened.weighted(node)
        for position, t in enumerate(node.inputs):
            values = self.opened.values(t)
            if (
                values is None
                or position >= len(other.inputs)
                or other.inputs[position] not in self.twin.graph.from_constants
            ):
                continue
            if operands is not None and t == operands.bias:
                real = self._bias(values, operands.input, operands.weights)
            else:
                how = along(graph.tensors[t]) if values.dtype.kind in "iu" else None
                real = None if how is None else (values - how[1]) * how[0]
            if real is not None and real.shape == self.twin.graph.tensors[other.inputs[position]].shape:
                found[position] = real.astype("<f4")
        return found

    def _bias(self, values: Array, data: int, weights: int) -> Array | None:
        """In units of input scale x weights scale, as kernels take it."""
        graph = self.opened.graph
        if len(graph.tensors[data].scale) != 1 or values.ndim != 1 or values.dtype.kind not in "iu":
            return None
        unit = graph.tensors[data].scale[0] * np.asarray(graph.tensors[weights].scale, np.float64)
        return values * unit if len(unit) in (1, len(values)) else None


def _code(tree: Any, builtin: int) -> int:
    from ai_edge_litert import schema_py_generated as schema

    code = schema.OperatorCodeT()
    code.builtinCode, code.deprecatedBuiltinCode, code.version = builtin, min(builtin, 127), 2
    tree.operatorCodes.append(code)
    return len(tree.operatorCodes) - 1


def _op(code: int, source: int, target: int) -> Any:
    from ai_edge_litert import schema_py_generated as schema

    operator = schema.OperatorT()
    operator.opcodeIndex, operator.inputs, operator.outputs = code, [source], [target]
    return operator


def _stored(original: Any, how: Tensor) -> Any:
    from ai_edge_litert import schema_py_generated as schema

    tensor = _plain(original, f"farm/stored_{how.index}")
    tensor.type = {"int8": schema.TensorType.INT8, "uint8": schema.TensorType.UINT8, "int16": schema.TensorType.INT16}[
        how.dtype
    ]
    tensor.quantization = schema.QuantizationParametersT()
    tensor.quantization.scale, tensor.quantization.zeroPoint = [how.scale[0]], [how.zero_point[0]]
    return tensor


def _real(original: Any, how: Tensor) -> Any:
    return _plain(original, f"farm/real_{how.index}")


def _plain(original: Any, name: str) -> Any:
    from ai_edge_litert import schema_py_generated as schema

    tensor = schema.TensorT()
    tensor.name, tensor.buffer, tensor.type = name, 0, schema.TensorType.FLOAT32
    tensor.shape, tensor.shapeSignature = original.shape, original.shapeSignature
    return tensor


def _constant(tree: Any, values: Array, name: str) -> int:
    from ai_edge_litert import schema_py_generated as schema

    tensor = schema.TensorT()
    tensor.name, tensor.type, tensor.shape = name, schema.TensorType.FLOAT32, list(values.shape)
    tree.buffers.append(schema.BufferT())
    tree.buffers[-1].data = np.frombuffer(values.tobytes(), np.uint8)
    tensor.buffer = len(tree.buffers) - 1
    tree.subgraphs[0].tensors.append(tensor)
    return len(tree.subgraphs[0].tensors) - 1
