"""Models small enough to be written in a test, one for each thing that real models bring along."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

if TYPE_CHECKING:
    from collections.abc import Sequence

    Array = np.ndarray[Any, Any]

TYPES = {
    "float32": schema.TensorType.FLOAT32,
    "float16": schema.TensorType.FLOAT16,
    "int8": schema.TensorType.INT8,
    "uint8": schema.TensorType.UINT8,
    "int16": schema.TensorType.INT16,
    "int32": schema.TensorType.INT32,
    "int64": schema.TensorType.INT64,
    "bool": schema.TensorType.BOOL,
    "string": schema.TensorType.STRING,
    "complex64": schema.TensorType.COMPLEX64,
    "resource": schema.TensorType.RESOURCE,
}


class Subgraph:
    """One subgraph under construction."""

    def __init__(self, model: Builder) -> None:
        self.model = model
        self.tree = schema.SubGraphT()
        self.tree.tensors, self.tree.operators = [], []

    def tensor(
        self,
        name: str,
        shape: Sequence[int],
        dtype: str = "float32",
        *,
        data: Array | None = None,
        signature: Sequence[int] | None = None,
        scale: Sequence[float] = (),
        zero_point: Sequence[int] = (),
        axis: int = 0,
    ) -> int:
        tensor = schema.TensorT()
        tensor.name, tensor.shape, tensor.type = name.encode(), list(shape), TYPES[dtype]
        tensor.shapeSignature = None if signature is None else list(signature)
        if scale:
            tensor.quantization = schema.QuantizationParametersT()
            tensor.quantization.scale = list(scale)
            tensor.quantization.zeroPoint = list(zero_point or [0] * len(scale))
            tensor.quantization.quantizedDimension = axis
        tensor.buffer = 0 if data is None else self.model.buffer(data)
        self.tree.tensors.append(tensor)
        return len(self.tree.tensors) - 1

    def op(self, name: str, inputs: Sequence[int], outputs: Sequence[int], options: str = "", **fields: Any) -> None:
        """`options` is the class of its options, without its `Options`; `fields` go into it."""
        operator = schema.OperatorT()
        operator.opcodeIndex = self.model.code(getattr(schema.BuiltinOperator, name))
        operator.inputs, operator.outputs = list(inputs), list(outputs)
        if options:
            operator.builtinOptionsType = getattr(schema.BuiltinOptions, f"{options}Options")
            operator.builtinOptions = getattr(schema, f"{options}OptionsT")()
            for key, value in fields.items():
                setattr(operator.builtinOptions, key, value)
        self.tree.operators.append(operator)

    def ends(self, inputs: Sequence[int], outputs: Sequence[int]) -> None:
        self.tree.inputs, self.tree.outputs = list(inputs), list(outputs)


class Builder:
    """One model under construction."""

    def __init__(self) -> None:
        self.tree = schema.ModelT()
        self.tree.version = 3
        self.tree.buffers, self.tree.operatorCodes, self.tree.subgraphs = [schema.BufferT()], [], []
        self.main = self.subgraph()

    def subgraph(self) -> Subgraph:
        found = Subgraph(self)
        self.tree.subgraphs.append(found.tree)
        return found

    def buffer(self, data: Array) -> int:
        self.tree.buffers.append(schema.BufferT())
        self.tree.buffers[-1].data = list(np.ascontiguousarray(data).tobytes())
        return len(self.tree.buffers) - 1

    def code(self, builtin: int) -> int:
        code = schema.OperatorCodeT()
        code.builtinCode, code.deprecatedBuiltinCode, code.version = builtin, min(builtin, 127), 1
        self.tree.operatorCodes.append(code)
        return len(self.tree.operatorCodes) - 1

    def signature(self, key: str, inputs: dict[str, int], outputs: dict[str, int], subgraph: int = 0) -> None:
        signature = schema.SignatureDefT()
        signature.signatureKey, signature.subgraphIndex = key.encode(), subgraph
        signature.inputs, signature.outputs = _maps(inputs), _maps(outputs)
        self.tree.signatureDefs = [*(self.tree.signatureDefs or ()), signature]

    def pack(self) -> bytes:
        builder = flatbuffers.Builder(4096)
        builder.Finish(self.tree.Pack(builder), b"TFL3")
        return bytes(builder.Output())


def _maps(tensors: dict[str, int]) -> list[Any]:
    found = []
    for name, tensor in tensors.items():
        entry = schema.TensorMapT()
        entry.name, entry.tensorIndex = name.encode(), tensor
        found.append(entry)
    return found


def branches() -> bytes:
    """y = tanh(x); y > 0 in its first element: y + y, else y * y. Then a softmax."""
    b = Builder()
    g = b.main
    x, first = g.tensor("x", [1, 4]), g.tensor("y", [1, 4])
    begin, size = (g.tensor(n, [2], "int32", data=np.array(v, np.int32)) for n, v in (("b", [0, 0]), ("s", [1, 1])))
    shape, zero = g.tensor("none", [0], "int32", data=np.zeros(1, np.int32)), g.tensor("0", [], data=np.zeros(1, "f4"))
    cut, scalar, test = g.tensor("cut", [1, 1]), g.tensor("scalar", []), g.tensor("test", [], "bool")
    either, out = g.tensor("either", [1, 4]), g.tensor("out", [1, 4])
    g.tree.tensors[shape].buffer = 0  # reshape by its options, to a scalar
    g.op("TANH", [x], [first])
    g.op("SLICE", [first, begin, size], [cut])
    g.op("RESHAPE", [cut], [scalar], "Reshape", newShape=[])
    g.op("GREATER", [scalar, zero], [test], "Greater")
    g.op("IF", [test, first], [either], "If", thenSubgraphIndex=1, elseSubgraphIndex=2)
    g.op("SOFTMAX", [either], [out], "Softmax", beta=1.0)
    g.ends([x], [out])
    for op in ("ADD", "MUL"):
        s = b.subgraph()
        a, r = s.tensor("a", [1, 4]), s.tensor("r", [1, 4])
        s.op(op, [a, a], [r], "Add" if op == "ADD" else "Mul")
        s.ends([a], [r])
    return b.pack()


def loop() -> bytes:
    """y = tanh(x), then y = y + y while a counter of 3 lasts, then a softmax."""
    b = Builder()
    g = b.main
    x, first, out = g.tensor("x", [1, 4]), g.tensor("first", [1, 4]), g.tensor("out", [1, 4])
    start = g.tensor("start", [1], "int32", data=np.array([0], np.int32))
    n, grown = g.tensor("n", [1], "int32"), g.tensor("grown", [1, 4])
    g.op("TANH", [x], [first])
    g.op("WHILE", [start, first], [n, grown], "While", condSubgraphIndex=1, bodySubgraphIndex=2)
    g.op("SOFTMAX", [grown], [out], "Softmax", beta=1.0)
    g.ends([x], [out])
    c = b.subgraph()
    i, v, more = c.tensor("i", [1], "int32"), c.tensor("v", [1, 4]), c.tensor("more", [1], "bool")
    limit = c.tensor("limit", [1], "int32", data=np.array([3], np.int32))
    c.op("LESS", [i, limit], [more], "Less")
    c.ends([i, v], [more])
    s = b.subgraph()
    i, v = s.tensor("i", [1], "int32"), s.tensor("v", [1, 4])
    one = s.tensor("one", [1], "int32", data=np.array([1], np.int32))
    j, w = s.tensor("j", [1], "int32"), s.tensor("w", [1, 4])
    s.op("ADD", [i, one], [j], "Add")
    s.op("ADD", [v, v], [w], "Add")
    s.ends([i, v], [j, w])
    return b.pack()


def open_batch() -> bytes:
    """[-1, 2, 2] is flattened as Keras exports it: the batch is read from the shape, and packed into the new one."""
    b = Builder()
    g = b.main
    x, first = g.tensor("x", [1, 2, 2], signature=[-1, 2, 2]), g.tensor("first", [1, 2, 2], signature=[-1, 2, 2])
    shape, batch = g.tensor("shape", [3], "int32"), g.tensor("batch", [], "int32")
    zero, one = (g.tensor(str(v), [1], "int32", data=np.array([v], np.int32)) for v in (0, 1))
    rest = g.tensor("rest", [], "int32", data=np.array([-1], np.int32))
    to, flat = g.tensor("to", [2], "int32"), g.tensor("flat", [1, 4], signature=[-1, 4])
    wide = g.tensor("wide", [1, 3], signature=[-1, 3])
    weights = g.tensor("weights", [3, 4], data=np.random.default_rng(3).normal(size=(3, 4)).astype(np.float32))
    out = g.tensor("out", [1, 3], signature=[-1, 3])
    g.op("TANH", [x], [first])
    g.op("SHAPE", [first], [shape], "Shape", outType=TYPES["int32"])
    g.op("STRIDED_SLICE", [shape, zero, one, one], [batch], "StridedSlice", shrinkAxisMask=1)
    g.op("PACK", [batch, rest], [to], "Pack", valuesCount=2, axis=0)
    g.op("RESHAPE", [first, to], [flat])
    g.op("FULLY_CONNECTED", [flat, weights, -1], [wide], "FullyConnected")
    g.op("SOFTMAX", [wide], [out], "Softmax", beta=1.0)
    g.ends([x], [out])
    return b.pack()


def data_sized() -> bytes:
    """The mean of the values over 0: how many there are, only the values say."""
    b = Builder()
    g = b.main
    x, first, over = g.tensor("x", [8]), g.tensor("first", [8]), g.tensor("over", [8], "bool")
    zero = g.tensor("0", [], data=np.zeros(1, np.float32))
    where, picked = g.tensor("where", [1, 1], "int64", signature=[-1, 1]), g.tensor("picked", [1], signature=[-1])
    axis = g.tensor("axis", [1], "int32", data=np.array([0], np.int32))
    mean, out = g.tensor("mean", [1]), g.tensor("out", [1])
    g.op("TANH", [x], [first])
    g.op("GREATER", [first, zero], [over], "Greater")
    g.op("WHERE", [over], [where])
    g.op("GATHER_ND", [first, where], [picked], "GatherNd")
    g.op("MEAN", [picked, axis], [mean], "Reducer", keepDims=True)
    g.op("TANH", [mean], [out])
    g.ends([x], [out])
    return b.pack()


def dense(*, half: bool = False, sparse: bool = False, spoiled: bool = False) -> bytes:
    """Two fully connected layers whose weights are widened from half precision, or made dense, while the model runs.

    `spoiled`: one weight of the first is another.
    """
    b = Builder()
    g, random = b.main, np.random.default_rng(5)
    x, out = g.tensor("x", [1, 4]), g.tensor("out", [1, 4])
    weights = []
    for name in ("a", "b"):
        values = random.normal(size=(4, 4)).astype(np.float32)
        if spoiled and name == "a":
            values[:, 0] += 1.0
        w = g.tensor(f"w{name}", [4, 4])
        if half:
            g.op("DEQUANTIZE", [g.tensor(f"h{name}", [4, 4], "float16", data=values.astype(np.float16))], [w])
        elif sparse:
            kept = values[np.arange(4), [1, 3, 0, 2]]
            s = g.tensor(f"s{name}", [4, 4], data=kept)
            g.tree.tensors[s].sparsity = _one_a_row([1, 3, 0, 2])
            g.op("DENSIFY", [s], [w])
        weights.append(w)
    middle = g.tensor("middle", [1, 4])
    g.op("FULLY_CONNECTED", [x, weights[0], -1], [middle], "FullyConnected")
    g.op("FULLY_CONNECTED", [middle, weights[1], -1], [out], "FullyConnected")
    g.ends([x], [out])
    return b.pack()


def _one_a_row(columns: list[int]) -> Any:
    """CSR of a matrix with one value in each row."""
    sparsity = schema.SparsityParametersT()
    sparsity.traversalOrder, sparsity.blockMap = [0, 1], None
    row, column = schema.DimensionMetadataT(), schema.DimensionMetadataT()
    row.format, row.denseSize = schema.DimensionType.DENSE, len(columns)
    column.format = schema.DimensionType.SPARSE_CSR
    column.arraySegmentsType = column.arrayIndicesType = schema.SparseIndexVector.Int32Vector
    column.arraySegments, column.arrayIndices = schema.Int32VectorT(), schema.Int32VectorT()
    column.arraySegments.values, column.arrayIndices.values = list(range(len(columns) + 1)), columns
    sparsity.dimMetadata = [row, column]
    return sparsity


def spectrum(*, ends_complex: bool = False) -> bytes:
    """tanh, then the magnitudes of its real Fourier transform: a complex tensor between two layers, or at the end."""
    b = Builder()
    g = b.main
    x, first = g.tensor("x", [1, 8]), g.tensor("first", [1, 8])
    length = g.tensor("length", [2], "int32", data=np.array([1, 8], np.int32))
    waves, out = g.tensor("waves", [1, 5], "complex64"), g.tensor("out", [1, 5])
    g.op("TANH", [x], [first])
    g.op("RFFT2D", [first, length], [waves])
    g.op("COMPLEX_ABS", [waves], [out])
    g.ends([x], [waves if ends_complex else out])
    return b.pack()


def words() -> bytes:
    """A string input, looked up among keys."""
    b = Builder()
    g = b.main
    x, out = g.tensor("sentence", [2], "string"), g.tensor("same", [2], "bool")
    g.op("EQUAL", [x, x], [out], "Equal")
    g.ends([x], [out])
    return b.pack()


def counter() -> bytes:
    """A variable is set to tanh(x), read again, and softmaxed."""
    b = Builder()
    g = b.main
    x, first, handle = g.tensor("x", [1, 4]), g.tensor("first", [1, 4]), g.tensor("handle", [], "resource")
    kept, out = g.tensor("kept", [1, 4]), g.tensor("out", [1, 4])
    g.op("TANH", [x], [first])
    g.op("VAR_HANDLE", [], [handle], "VarHandle", container=b"", sharedName=b"v")
    g.op("ASSIGN_VARIABLE", [handle, first], [], "AssignVariable")
    g.op("READ_VARIABLE", [handle], [kept], "ReadVariable")
    g.op("SOFTMAX", [kept], [out], "Softmax", beta=1.0)
    g.ends([x], [out])
    return b.pack()


def two_inputs(*, passed_through: bool = False) -> bytes:
    """z = tanh(b) - a, its signature naming the inputs the other way round."""
    b = Builder()
    g = b.main
    first, second, t, z = (g.tensor(name, [1, 3]) for name in ("z_first", "a_second", "t", "z"))
    g.op("TANH", [second], [t])
    g.op("SUB", [t, first], [z], "Sub")
    outputs = {"z": z, "same": second} if passed_through else {"z": z}
    g.ends([first, second], list(outputs.values()))
    b.signature("serving_default", {"a": second, "z": first}, outputs)
    return b.pack()


def second_signature() -> bytes:
    """Its first signature runs the second subgraph."""
    b = Builder()
    for g in (b.main, b.subgraph()):
        x, y = g.tensor("x", [1, 3]), g.tensor("y", [1, 3])
        g.op("TANH", [x], [y])
        g.ends([x], [y])
    b.signature("train", {"x": 0}, {"y": 1}, subgraph=1)
    return b.pack()


def channels() -> bytes:
    """x is quantized with a scale for each of its channels, passed on by a reshape, and made real."""
    b = Builder()
    g = b.main
    how: dict[str, Any] = {"scale": (0.5, 0.25, 0.125), "axis": 3}
    x, y = (g.tensor(name, [1, 2, 2, 3], "int8", **how) for name in "xy")
    out = g.tensor("out", [1, 2, 2, 3])
    to = g.tensor("to", [4], "int32", data=np.array([1, 2, 2, 3], np.int32))
    g.op("RESHAPE", [x, to], [y])
    g.op("DEQUANTIZE", [y], [out], "Dequantize")
    g.ends([x], [out])
    return b.pack()


def hybrid() -> bytes:
    """A fully connected layer of int8 weights between floats."""
    b = Builder()
    g = b.main
    x, out = g.tensor("x", [1, 4]), g.tensor("out", [1, 4])
    w = g.tensor("w", [4, 4], "int8", data=np.arange(16, dtype=np.int8).reshape(4, 4), scale=(0.1,))
    g.op("FULLY_CONNECTED", [x, w, -1], [out], "FullyConnected")
    g.ends([x], [out])
    return b.pack()


def outside(model: bytes) -> bytes:
    """The same model with its weights behind the flatbuffer, as models beyond 2 GB have them."""

    def packed() -> bytes:
        builder = flatbuffers.Builder(4096)
        builder.Finish(tree.Pack(builder), b"TFL3")
        return bytes(builder.Output())

    tree = schema.ModelT.InitFromPackedBuf(model, 0)
    weights = [(b, bytes(bytearray(b.data))) for b in tree.buffers if b.data is not None and len(b.data)]
    for buffer, _ in weights:
        buffer.data, buffer.offset, buffer.size = None, 2, 2
    start, tail = -(-len(packed()) // 64) * 64, b""
    for buffer, data in weights:
        buffer.offset, buffer.size = start + len(tail), len(data)
        tail += data + bytes(-len(data) % 64)
    return packed().ljust(start, b"\0") + tail
