"""Writing a `.tflite` again after its main subgraph was changed, for the copies that passes run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from farm.errors import ModelError
from farm.model import graph as graphs
from farm.model import support

if TYPE_CHECKING:
    from collections.abc import Mapping


def open_model(model: bytes, where: str, what: str) -> tuple[graphs.Graph, Any]:
    """The graph of a model and its object tree, which may be changed; `what` is to be done with it (`instrumented`).

    Raises:
        ModelError: as `support.check`, or the file cannot be read, or keeps its weights outside the flatbuffer.
    """
    graph, tree = graphs.read(model, where), graphs.unpack(model, where)
    support.check(graph, where)
    if any(getattr(b, "offset", 0) > 1 for b in tree.buffers):
        raise ModelError(
            f"keeps its weights outside the flatbuffer, and cannot be {what}",
            where=where,
            remedy="convert it below 2 GB, or submit it with --layer-frames 0",
        )
    return graph, tree


def pack(
    tree: Any,
    where: str,
    *,
    outputs: list[int],
    inputs: list[int] | None = None,
    more_inputs: Mapping[int, str] | None = None,
    more_outputs: Mapping[int, str],
) -> bytes:
    """The file of a tree whose main subgraph has these inputs and outputs.

    The main signature keeps its own names and gets `more_inputs` and `more_outputs` (tensor index -> name) after them.

    Raises:
        ModelError: the tree is damaged.
    """
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    def named(tensor: int, name: str) -> Any:
        entry = schema.TensorMapT()
        entry.name, entry.tensorIndex = name, tensor
        return entry

    main = tree.subgraphs[0]
    main.outputs = outputs
    if inputs is not None:
        main.inputs = inputs
    try:
        for signature in tree.signatureDefs or ():
            if signature.subgraphIndex == 0:
                own = signature.inputs if signature.inputs is not None else []
                signature.inputs = [*own, *(named(t, n) for t, n in (more_inputs or {}).items())]
                own = signature.outputs if signature.outputs is not None else []
                signature.outputs = [*own, *(named(t, n) for t, n in more_outputs.items())]
        builder = flatbuffers.Builder(1 << 16)
        builder.Finish(tree.Pack(builder), file_identifier=graphs.IDENTIFIER)
        return bytes(builder.Output())
    except Exception as e:  # the generated writer raises whatever its struct calls do
        raise ModelError(
            f"is damaged: it cannot be written again ({type(e).__name__}: {e})",
            where=where,
            remedy="give a .tflite file as the converter wrote it",
        ) from e
