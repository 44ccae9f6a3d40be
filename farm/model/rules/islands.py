"""Float islands: stretches of a quantized graph that go back to float and return, and converters' leftovers around them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from farm.model.rules.finding import found, labels

if TYPE_CHECKING:
    from collections.abc import Iterator

    from farm.model.graph import Node
    from farm.model.opened import Opened
    from farm.report.quantization import Issue


def check(opened: Opened) -> Iterator[Issue]:
    """Rules `float-island`, `quantize-pair`, `hybrid`."""
    graph = opened.graph
    live = [n for n in graph.nodes if n.inputs and any(t not in graph.from_constants for t in n.inputs if t >= 0)]
    opens = {t: n for n in live if n.op == "DEQUANTIZE" for t in n.outputs}
    island_of: dict[int, set[int]] = {}
    """Float tensor -> the nodes between it and the DEQUANTIZE it comes from."""
    for tensor in opens:
        island_of[tensor] = set()
    for node in live:
        if node.op == "DEQUANTIZE":
            continue
        sources = [island_of[t] for t in node.inputs if t in island_of]
        if not sources:
            continue
        inside = set().union(*sources)
        if node.op == "QUANTIZE":
            yield from _closed(node, inside, opened)
            continue
        for t in node.outputs:
            if t >= 0 and graph.tensors[t].dtype == "float32":
                island_of[t] = inside | {node.index}
    hybrid = [n for n in live if _is_hybrid(n, opened)]
    if hybrid:
        yield found(
            "hybrid",
            "note",
            f"{len(hybrid)} layers have integer weights between floats: {labels(hybrid)}",
            "they quantize their input anew for each frame (dynamic range), which is slower than integers throughout",
            "nothing to do, if that is meant; else give the converter representative inputs",
            layers=len(hybrid),
        )


def _closed(node: Node, inside: set[int], opened: Opened) -> Iterator[Issue]:
    nodes = [opened.graph.nodes[i] for i in sorted(inside)]
    if not nodes:
        yield found(
            "quantize-pair",
            "warning",
            f"a DEQUANTIZE is undone by QUANTIZE {node.index} at once",
            "it costs time and rounds every value once more",
            "let the converter fold them into one QUANTIZE from integers to integers",
            node=node,
        )
        return
    yield found(
        "float-island",
        "note",
        f"{len(nodes)} operators compute in float between quantized ones: {labels(nodes)}",
        "converting there and back costs time, and integer-only accelerators stop here",
        "is there an integer kernel of these operators? else leave them for the end of the model",
        node=nodes[0],
        operators=len(nodes),
    )


def _is_hybrid(node: Node, opened: Opened) -> bool:
    operands = opened.weighted(node)
    if operands is None:
        return False
    data, weights = opened.graph.tensors[operands.input], opened.graph.tensors[operands.weights]
    return data.dtype == "float32" and weights.dtype in ("int8", "uint8") and bool(weights.scale)
