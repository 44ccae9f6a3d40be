"""A kernel that computes wrongly: the same graph with one layer's weights spoiled, to be run under the right model's hash."""

from __future__ import annotations

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

CONVOLUTIONS = (schema.BuiltinOperator.CONV_2D, schema.BuiltinOperator.DEPTHWISE_CONV_2D)
TYPES = {0: np.float32, 3: np.uint8, 9: np.int8}
"""TensorType of the schema -> numpy's."""


def nodes(model: bytes) -> list[int]:
    """Convolutions that could be spoiled."""
    tree = schema.ModelT.InitFromPackedBuf(model)
    codes = [max(c.builtinCode, c.deprecatedBuiltinCode) for c in tree.operatorCodes]
    graph = tree.subgraphs[0]

    def held(tensor: int) -> bool:
        return graph.tensors[tensor].type in TYPES and tree.buffers[graph.tensors[tensor].buffer].data is not None

    return [i for i, op in enumerate(graph.operators) if codes[op.opcodeIndex] in CONVOLUTIONS and held(op.inputs[1])]


def spoil(model: bytes, random: np.random.Generator) -> tuple[bytes, int, str]:
    """The model, the node that is wrong, and how: its filter turned over, its output channels shifted, or its weights scaled."""
    tree = schema.ModelT.InitFromPackedBuf(model)
    graph = tree.subgraphs[0]
    known = nodes(model)
    first, last = (2, len(known) - 2) if len(known) > 4 else (0, len(known))
    node = known[int(random.integers(first, last))]
    tensor = graph.tensors[graph.operators[node].inputs[1]]
    buffer = tree.buffers[tensor.buffer]
    weights = np.frombuffer(bytes(bytearray(buffer.data)), TYPES[tensor.type]).reshape(tensor.shape)
    how = str(random.choice(["turned", "shifted", "scaled"]))
    zero = int(tensor.quantization.zeroPoint[0]) if tensor.type == 3 else 0
    if how == "turned" and weights.shape[1] * weights.shape[2] > 1:
        made = weights[:, ::-1, ::-1]
    elif how == "scaled":
        made = (zero + (weights.astype(np.float64) - zero) * 0.6).astype(weights.dtype)
    else:
        how, axis = "shifted", 0 if weights.shape[0] > 1 else 3
        made = np.roll(weights, 1, axis)
    buffer.data = np.frombuffer(np.ascontiguousarray(made).tobytes(), np.uint8)
    builder = flatbuffers.Builder(len(model))
    builder.Finish(tree.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output()), node, how
