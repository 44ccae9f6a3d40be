"""The graph inside a `.tflite`: nodes in execution order and their tensors.

Read through LiteRT's own generated schema; what that module cannot parse is a `ModelError`, never a traceback.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from farm.errors import ModelError

if TYPE_CHECKING:
    from pathlib import Path

LIMIT_BYTES = 1 << 30
IDENTIFIER = b"TFL3"

# TensorType of the schema -> numpy's name. int4 and below travel packed, as bytes.
DTYPES = {0: "float32", 1: "float16", 2: "int32", 3: "uint8", 4: "int64", 6: "bool", 7: "int16", 9: "int8", 10: "float64",
          12: "uint64", 15: "uint32", 16: "uint16"}  # fmt: skip


@dataclass(frozen=True)
class Tensor:
    """A tensor of the main subgraph."""

    index: int
    name: str
    dtype: str
    """numpy's name, or `unsupported`."""
    shape: tuple[int, ...]
    """-1 where the model leaves a size open."""
    scale: tuple[float, ...]
    zero_point: tuple[int, ...]
    axis: int
    """Quantized dimension, when `scale` has more than one entry."""
    constant: bool
    """Its bytes stand in the file."""
    stored: str = ""
    """The file's own word for the type, in lower case: tells what `unsupported` is."""

    @property
    def nbytes(self) -> int:
        """Bytes of one value, with batch 1 for open sizes."""
        item = np.dtype(self.dtype).itemsize if self.dtype != "unsupported" else 0
        return item * int(np.prod([max(1, d) for d in self.shape], dtype=np.int64))


@dataclass(frozen=True)
class Node:
    """One operator."""

    index: int
    op: str
    """`CONV_2D`, ..., or the custom code's name."""
    custom: bool
    inputs: tuple[int, ...]
    """Tensor indices; -1 for an optional input left out."""
    outputs: tuple[int, ...]


@dataclass(frozen=True)
class Graph:
    """The main subgraph."""

    nodes: tuple[Node, ...]
    tensors: tuple[Tensor, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    subgraphs: int
    metadata: tuple[tuple[str, bytes], ...]
    """Named buffers of the file, TFLite metadata among them."""
    signature: tuple[str, int] | None = None
    """Name of the first signature and the subgraph it runs, which is what a device runs; None where there is none."""

    @property
    def classes(self) -> int:
        """The last size of the first output; 0 where there is none."""
        shape = self.tensors[self.outputs[0]].shape if self.outputs else ()
        return shape[-1] if shape else 0

    def producer(self, tensor: int) -> Node | None:
        """The node that makes a tensor; None for inputs and constants."""
        return self._producers.get(tensor)

    @functools.cached_property
    def _producers(self) -> dict[int, Node]:
        return {t: node for node in self.nodes for t in node.outputs}

    @functools.cached_property
    def from_constants(self) -> frozenset[int]:
        """Tensors that no model input reaches: constants and what is computed from them alone (fp16 weights widened)."""
        fixed = {t.index for t in self.tensors if t.constant}
        for node in self.nodes:
            if node.inputs and all(i in fixed or i < 0 for i in node.inputs):
                fixed.update(node.outputs)
        return frozenset(fixed)


def unpack(data: bytes, where: str) -> Any:
    """The schema's object tree (`ModelT`) of a model file's bytes.

    Raises:
        ModelError: empty, truncated, foreign or too large.
    """
    from ai_edge_litert import schema_py_generated as schema

    remedy = "give a .tflite file as the converter wrote it"
    if not data:
        raise ModelError("is empty", where=where, remedy=remedy)
    if len(data) > LIMIT_BYTES:
        raise ModelError(f"is larger than {LIMIT_BYTES >> 20} MiB", where=where, remedy=remedy)
    if data[4:8] != IDENTIFIER:
        raise ModelError(f"is not a TFLite model (no {IDENTIFIER.decode()} mark at byte 4)", where=where, remedy=remedy)
    try:
        model = schema.ModelT.InitFromPackedBuf(data, 0)
    except Exception as e:  # the generated reader raises whatever its struct calls do
        raise ModelError(f"is truncated or damaged ({type(e).__name__}: {e})", where=where, remedy=remedy) from e
    if not model.subgraphs or not model.operatorCodes or not model.buffers:
        raise ModelError("is truncated or damaged: no subgraph, operator or buffer", where=where, remedy=remedy)
    return model


def read(data: bytes, where: str = "model") -> Graph:
    """The graph of a model file's bytes.

    Raises:
        ModelError: as `unpack`, or the graph points outside itself.
    """
    model = unpack(data, where)
    try:
        return _graph(model)
    except (IndexError, AttributeError, TypeError, ValueError) as e:
        raise ModelError(
            f"is truncated or damaged: its graph points outside itself ({e})",
            where=where,
            remedy="give a .tflite file as the converter wrote it",
        ) from e


def read_file(path: Path) -> Graph:
    """The graph of a model file.

    Raises:
        ModelError: as `read`, or the file cannot be opened.
    """
    return read(read_bytes(path), str(path))


def read_bytes(path: Path) -> bytes:
    """The bytes of a model file.

    Raises:
        ModelError: it cannot be opened.
    """
    try:
        return path.read_bytes()
    except OSError as e:
        raise ModelError(f"cannot be read: {e.strerror}", where=str(path), remedy="check the path") from e


@functools.cache
def _op_names() -> dict[int, str]:
    from ai_edge_litert import schema_py_generated as schema

    return {v: k for k, v in vars(schema.BuiltinOperator).items() if isinstance(v, int)}


@functools.cache
def _type_names() -> dict[int, str]:
    from ai_edge_litert import schema_py_generated as schema

    return {v: k.lower() for k, v in vars(schema.TensorType).items() if isinstance(v, int)}


def op_name(code: Any) -> tuple[str, bool]:
    """Name of an OperatorCodeT, and whether it is a custom op."""
    number = max(code.builtinCode, code.deprecatedBuiltinCode)  # files before schema v3a fill only the old field
    name = _op_names().get(number, f"BUILTIN_{number}")
    if name == "CUSTOM":
        custom = code.customCode
        return (custom.decode("utf-8", "replace") if isinstance(custom, bytes) else str(custom)), True
    return name, False


def _graph(model: Any) -> Graph:
    main = model.subgraphs[0]
    tensors = tuple(_tensor(i, t, model) for i, t in enumerate(main.tensors))
    nodes = []
    for i, operator in enumerate(main.operators if main.operators is not None else ()):
        name, custom = op_name(model.operatorCodes[operator.opcodeIndex])
        nodes.append(Node(i, name, custom, _indices(operator.inputs, tensors), _indices(operator.outputs, tensors)))
    return Graph(
        nodes=tuple(nodes),
        tensors=tensors,
        inputs=_indices(main.inputs, tensors),
        outputs=_indices(main.outputs, tensors),
        subgraphs=len(model.subgraphs),
        metadata=tuple(
            (m.name.decode("utf-8", "replace"), bytes(bytearray(model.buffers[m.buffer].data)))
            for m in model.metadata or ()
            if m.name is not None and model.buffers[m.buffer].data is not None
        ),
        signature=_signature(model),
    )


def _signature(model: Any) -> tuple[str, int] | None:
    for signature in model.signatureDefs or ():
        return (signature.signatureKey or b"").decode("utf-8", "replace"), int(signature.subgraphIndex)
    return None


def _indices(values: Any, tensors: tuple[Tensor, ...]) -> tuple[int, ...]:
    found = tuple(int(v) for v in (values if values is not None else ()))
    if any(not -1 <= v < len(tensors) for v in found):
        raise IndexError(f"tensor {max(found)} of {len(tensors)}")
    return found


def _tensor(index: int, t: Any, model: Any) -> Tensor:
    q = t.quantization
    scale = tuple(float(v) for v in q.scale) if q is not None and q.scale is not None else ()
    zero = tuple(int(v) for v in q.zeroPoint) if q is not None and q.zeroPoint is not None else ()
    signature = t.shapeSignature if t.shapeSignature is not None else t.shape
    buffer = model.buffers[t.buffer]
    external = getattr(buffer, "offset", 0) > 1 or getattr(buffer, "size", 0) > 1
    return Tensor(
        index=index,
        name=t.name.decode("utf-8", "replace") if t.name is not None else f"tensor_{index}",
        dtype=DTYPES.get(t.type, "unsupported"),
        shape=tuple(int(d) for d in (signature if signature is not None else ())),
        scale=scale,
        zero_point=zero or (0,) * len(scale),
        axis=int(q.quantizedDimension) if q is not None else 0,
        constant=external or (buffer.data is not None and len(buffer.data) > 0),
        stored=_type_names().get(t.type, f"type {t.type}"),
    )
