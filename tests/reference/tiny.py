"""Models small enough to be written in a test, through LiteRT's own schema."""

from __future__ import annotations

import flatbuffers
from ai_edge_litert import schema_py_generated as schema


def add(shape: tuple[int, ...] = (1, 4), *, open_batch: bool = False) -> bytes:
    """y = a + b, in float32; with `open_batch` the first size is left open."""
    model, graph = schema.ModelT(), schema.SubGraphT()
    model.version = 3
    model.buffers = [schema.BufferT()]
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.ADD
    code.version = 1
    model.operatorCodes = [code]
    graph.tensors = []
    for name in ("a", "b", "y"):
        tensor = schema.TensorT()
        tensor.name, tensor.shape, tensor.type, tensor.buffer = name, list(shape), schema.TensorType.FLOAT32, 0
        if open_batch:
            tensor.shapeSignature = [-1, *shape[1:]]
        graph.tensors.append(tensor)
    operator = schema.OperatorT()
    operator.opcodeIndex, operator.inputs, operator.outputs = 0, [0, 1], [2]
    operator.builtinOptionsType, operator.builtinOptions = schema.BuiltinOptions.AddOptions, schema.AddOptionsT()
    graph.operators, graph.inputs, graph.outputs = [operator], [0, 1], [2]
    model.subgraphs = [graph]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())
