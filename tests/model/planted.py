"""A healthy quantized model, small enough to plant faults into its real flatbuffer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tests.model.build import Builder

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Array = np.ndarray[Any, Any]

RELU, RELU6 = 1, 3
CHANNELS, CLASSES = 4, 6
IN, WIDE, OUT = (1.0 / 127.5, -1), (6.0 / 255, -128), (0.08, 3)


def healthy() -> Builder:
    """int8 [1, 8, 8, 3] -> CONV_2D with RELU6 -> MAX_POOL_2D -> RESHAPE -> FULLY_CONNECTED -> SOFTMAX, a scale a channel."""
    b, random = Builder(), np.random.default_rng(11)
    g = b.main
    x = g.tensor("x", [1, 8, 8, 3], "int8", scale=(IN[0],), zero_point=(IN[1],))
    conv = g.tensor("conv/Relu6", [1, 8, 8, CHANNELS], "int8", scale=(WIDE[0],), zero_point=(WIDE[1],))
    pool = g.tensor("pool", [1, 4, 4, CHANNELS], "int8", scale=(WIDE[0],), zero_point=(WIDE[1],))
    flat = g.tensor("flat", [1, 16 * CHANNELS], "int8", scale=(WIDE[0],), zero_point=(WIDE[1],))
    logits = g.tensor("logits", [1, CLASSES], "int8", scale=(OUT[0],), zero_point=(OUT[1],))
    out = g.tensor("scores", [1, CLASSES], "int8", scale=(1 / 256,), zero_point=(-128,))
    weights = weighted(b, "conv/w", random.normal(0, 0.5, (CHANNELS, 3, 3, 3)), "conv/b", IN[0])
    dense = weighted(b, "dense/w", random.normal(0, 0.3, (CLASSES, 16 * CHANNELS)), "dense/b", WIDE[0])
    shape = g.tensor("shape", [2], "int32", data=np.array([1, 16 * CHANNELS], np.int32))
    g.op("CONV_2D", [x, *weights], [conv], "Conv2D", strideW=1, strideH=1, fusedActivationFunction=RELU6,
         dilationWFactor=1, dilationHFactor=1)  # fmt: skip
    g.op("MAX_POOL_2D", [conv], [pool], "Pool2D", strideW=2, strideH=2, filterWidth=2, filterHeight=2)
    g.op("RESHAPE", [pool, shape], [flat])
    g.op("FULLY_CONNECTED", [flat, *dense], [logits], "FullyConnected")
    g.op("SOFTMAX", [logits], [out], "Softmax", beta=1.0)
    g.ends([x], [out])
    b.signature("serving_default", {"x": x}, {"scores": out})
    return b


def weighted(b: Builder, name: str, real: Array, bias: str, unit: float) -> list[int]:
    """Symmetric int8 weights with a scale for each row, and an int32 bias of a tenth."""
    scale = np.abs(real.reshape(len(real), -1)).max(axis=1) / 127
    stored = np.rint(real / scale.reshape(-1, *[1] * (real.ndim - 1))).astype(np.int8)
    return [
        b.main.tensor(name, real.shape, "int8", data=stored, scale=scale.tolist()),
        b.main.tensor(
            bias,
            [len(real)],
            "int32",
            data=np.rint(0.1 / (unit * scale)).astype(np.int32),
            scale=(unit * scale).tolist(),
        ),
    ]


class Tree:
    """The object tree of a model, by tensors' names."""

    def __init__(self, b: Builder) -> None:
        self.builder, self.tree = b, b.tree
        self.main = b.tree.subgraphs[0]

    def tensor(self, name: str) -> Any:
        return next(t for t in self.main.tensors if t.name == name.encode())

    def index(self, name: str) -> int:
        return next(i for i, t in enumerate(self.main.tensors) if t.name == name.encode())

    def scale(self, name: str, *values: float, zero: Sequence[int] | None = None) -> None:
        how = self.tensor(name).quantization
        how.scale = list(values)
        if zero is not None:
            how.zeroPoint = list(zero)

    def values(self, name: str, dtype: str) -> Array:
        """A copy; `put` writes it."""
        data = bytes(self.tree.buffers[self.tensor(name).buffer].data)
        return np.frombuffer(data, dtype).reshape(self.tensor(name).shape).copy()

    def put(self, name: str, values: Array) -> None:
        self.tree.buffers[self.tensor(name).buffer].data = list(values.tobytes())

    def op(self, position: int) -> Any:
        return self.main.operators[position]

    def pack(self) -> bytes:
        builder = flatbuffers.Builder(4096)
        builder.Finish(self.tree.Pack(builder), b"TFL3")
        return bytes(builder.Output())


def planted(edit: Callable[[Tree], None] = lambda _: None) -> bytes:
    """The healthy model with one fault."""
    tree = Tree(healthy())
    edit(tree)
    return tree.pack()


def recalibrated(model: bytes, node: int, factor: float) -> bytes:
    """The same model as a calibration that saw `factor` times the range behind a node would have written it."""
    tree: Any = schema.ModelT.InitFromPackedBuf(model, 0)
    main = tree.subgraphs[0]
    changed = int(main.operators[node].outputs[0])
    how = main.tensors[changed].quantization
    how.scale = [how.scale[0] * factor]
    for operator in main.operators:
        if changed == operator.inputs[0] and len(operator.inputs) == 3:
            bias = main.tensors[int(operator.inputs[2])]
            if bias.type == schema.TensorType.INT32 and bias.quantization is not None:
                bias.quantization.scale = [s * factor for s in bias.quantization.scale]
                stored = np.frombuffer(bytes(bytearray(tree.buffers[bias.buffer].data)), "<i4")
                tree.buffers[bias.buffer].data = list(np.rint(stored / factor).astype("<i4").tobytes())
    builder = flatbuffers.Builder(4096)
    builder.Finish(tree.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def reweighted(model: bytes, node: int, change: Callable[[Array], Array], operand: int = 1) -> bytes:
    """The same model with other integers in a constant of a node."""
    tree: Any = schema.ModelT.InitFromPackedBuf(model, 0)
    main = tree.subgraphs[0]
    tensor = main.tensors[int(main.operators[node].inputs[operand])]
    dtype = {schema.TensorType.INT8: "i1", schema.TensorType.INT32: "<i4"}[tensor.type]
    values = np.frombuffer(bytes(bytearray(tree.buffers[tensor.buffer].data)), dtype).reshape(tensor.shape)
    tree.buffers[tensor.buffer].data = list(change(values).astype(dtype).tobytes())
    builder = flatbuffers.Builder(4096)
    builder.Finish(tree.Pack(builder), b"TFL3")
    return bytes(builder.Output())
