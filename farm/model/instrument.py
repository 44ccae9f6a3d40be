"""The instrumented model: the same graph, with every intermediate tensor also an output.

Tensor and node indices stay what they are, so a logged tensor is found again in the original graph.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from farm.model import rewrite, sizes

if TYPE_CHECKING:
    from farm.model import graph as graphs


def exposed(graph: graphs.Graph) -> tuple[int, ...]:
    """Tensors to log, in execution order: what nodes make, less what comes from constants alone.

    Exposing a tensor computed from constants (fp16 weights widened) changes how XNNPACK runs the model and its answer. Left
    out are also sizes, types that no capture holds, and tensors for which the runtime has no buffer before the model runs.
    """
    made = dict.fromkeys(t for node in graph.nodes for t in node.outputs if t >= 0)
    left_out = graph.from_constants | sizes.from_shapes(graph) | sizes.unbuffered(graph)
    return tuple(t for t in made if t not in left_out and graph.tensors[t].dtype != "unsupported")


def instrument(model: bytes, where: str = "model") -> bytes:
    """A copy of a `.tflite` whose outputs are its own followed by every other tensor of `exposed`.

    Raises:
        ModelError: the file cannot be read, or keeps its weights outside the flatbuffer.
    """
    graph, tree = rewrite.open_model(model, where, "instrumented")
    extra = [t for t in exposed(graph) if t not in graph.outputs]
    more = {t: exposed_name(t) for t in extra}
    return rewrite.pack(tree, where, outputs=[*graph.outputs, *extra], more_outputs=more)


def exposed_name(tensor: int) -> str:
    """Of an added output in the signature: unique, whatever the tensors are called."""
    return f"farm/tensor_{tensor}"


def layers_bytes(graph: graphs.Graph) -> int:
    """Bytes that the inputs and all exposed tensors of one frame take, with batch 1 for open sizes."""
    return sum(graph.tensors[t].nbytes for t in {*graph.inputs, *graph.outputs, *exposed(graph)})
