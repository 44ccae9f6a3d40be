"""The instrumented model: the same graph, with every intermediate tensor also an output.

Tensor and node indices stay what they are, so a logged tensor is found again in the original graph.
"""

from __future__ import annotations

from typing import Any

from farm.errors import ModelError
from farm.model import graph as graphs


def exposed(graph: graphs.Graph) -> tuple[int, ...]:
    """Tensors to log, in execution order: what nodes make, less what comes from constants alone.

    Exposing a tensor computed from constants (fp16 weights widened) changes how XNNPACK runs the model and its answer.
    """
    made = [t for node in graph.nodes for t in node.outputs]
    return tuple(
        t
        for t in dict.fromkeys(made)
        if t not in graph.from_constants and graph.tensors[t].dtype != "unsupported" and t >= 0
    )


def instrument(model: bytes, where: str = "model") -> bytes:
    """A copy of a `.tflite` whose outputs are its own followed by every other tensor of `exposed`.

    Raises:
        ModelError: the file cannot be read, or keeps its weights outside the flatbuffer.
    """
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    graph = graphs.read(model, where)
    tree = graphs.unpack(model, where)
    if any(getattr(b, "offset", 0) > 1 for b in tree.buffers):
        raise ModelError(
            "keeps its weights outside the flatbuffer, and cannot be instrumented",
            where=where,
            remedy="convert it below 2 GB, or submit it with --layer-frames 0",
        )
    main = tree.subgraphs[0]
    extra = [t for t in exposed(graph) if t not in graph.outputs]
    main.outputs = [*graph.outputs, *extra]
    for signature in tree.signatureDefs or ():
        if signature.subgraphIndex == 0:
            signature.outputs = [*signature.outputs, *(_named(schema, t) for t in extra)]
    builder = flatbuffers.Builder(len(model) + 4096)
    builder.Finish(tree.Pack(builder), file_identifier=graphs.IDENTIFIER)
    return bytes(builder.Output())


def layers_bytes(graph: graphs.Graph) -> int:
    """Bytes that the inputs and all exposed tensors of one frame take, with batch 1 for open sizes."""
    return sum(graph.tensors[t].nbytes for t in {*graph.inputs, *graph.outputs, *exposed(graph)})


def _named(schema: Any, tensor: int) -> Any:
    entry = schema.TensorMapT()
    entry.name = f"farm/tensor_{tensor}"  # unique in the signature, whatever the tensors are called
    entry.tensorIndex = tensor
    return entry
