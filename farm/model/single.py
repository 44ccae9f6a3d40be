"""Models of one operator each, cut out of a model: to time an operator by itself where a runtime has no profiler."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from farm.model import graph as graphs
from farm.model import rewrite
from farm.model.isolate import Isolated, isolate

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence


def singles(
    model: bytes, where: str = "model", shapes: Mapping[int, Sequence[int]] | None = None
) -> Iterator[tuple[int, Isolated]]:
    """(node, its own model) for each node that can stand alone, in execution order; `shapes` as in `isolate`.

    Left out are nodes whose inputs come from constants alone, and those tied to another by an edge that cannot be broken.

    Raises:
        ModelError: as `isolate`.
    """
    whole = isolate(model, where, shapes)
    graph = graphs.read(whole.model, where)
    feeds, sizes = dict(zip(graph.inputs, whole.feeds, strict=True)), dict(zip(graph.inputs, whole.sizes, strict=True))
    for node in graph.nodes:
        outputs = [t for t in node.outputs if t in whole.outputs]
        needed = {node.index} | _constant_makers(graph, node)
        inputs = [t for t in dict.fromkeys(node.inputs) if t in feeds]
        alone = all(t < 0 or t in feeds or t in graph.from_constants or not _made(graph, t) for t in node.inputs)
        if not outputs or not inputs or not alone:
            continue
        _, tree = rewrite.open_model(whole.model, where, "cut up")
        main = tree.subgraphs[0]
        main.operators = [operator for i, operator in enumerate(main.operators) if i in needed]
        _empty_the_rest(tree)
        tree.signatureDefs = None
        cut = rewrite.pack(tree, where, inputs=inputs, outputs=outputs, more_outputs={})
        yield (
            node.index,
            Isolated(cut, tuple(feeds[t] for t in inputs), tuple(sizes[t] for t in inputs), tuple(outputs), where),
        )


def _made(graph: graphs.Graph, tensor: int) -> bool:
    return graph.producer(tensor) is not None


def _constant_makers(graph: graphs.Graph, node: graphs.Node) -> set[int]:
    """Nodes that make what `node` reads of constants."""
    found: set[int] = set()
    open_tensors = [t for t in node.inputs if t in graph.from_constants]
    while open_tensors:
        maker = graph.producer(open_tensors.pop())
        if maker is not None and maker.index not in found:
            found.add(maker.index)
            open_tensors += [t for t in maker.inputs if t >= 0]
    return found


def _empty_the_rest(tree: Any) -> None:
    """Drop the bytes of constants that nobody reads any more."""
    used = set()
    for i, subgraph in enumerate(tree.subgraphs):
        read = {int(t) for operator in subgraph.operators or () for t in operator.inputs} if i == 0 else None
        used |= {t.buffer for j, t in enumerate(subgraph.tensors) if read is None or j in read}
    for i, buffer in enumerate(tree.buffers):
        if i not in used:
            buffer.data = None
