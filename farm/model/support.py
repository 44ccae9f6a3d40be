"""What the passes cannot carry, said before a device is touched."""

from __future__ import annotations

from typing import TYPE_CHECKING

from farm.errors import ModelError

if TYPE_CHECKING:
    from farm.model.graph import Graph, Tensor

_REMEDIES = {
    "string": "cut the text operators off, and submit the model from its numbers on",
    "complex64": "let the model end in real numbers (COMPLEX_ABS, REAL, IMAG)",
    "complex128": "let the model end in real numbers (COMPLEX_ABS, REAL, IMAG)",
    "bfloat16": "convert its inputs and outputs to float32",
}


def check(graph: Graph, where: str) -> None:
    """That frames can be fed to the model, and its answers logged.

    Tensors between its operators may be of any type: those that no capture holds are left out of it.

    Raises:
        ModelError: the model has no input or output, one of a type that no capture holds, an output that is an input,
            which LiteRT leaves unwritten and takes the input from, or a first signature, which is what a device runs, that
            is not of the main subgraph, which is what references run; names it.
    """
    for word, tensors in (("input", graph.inputs), ("output", graph.outputs)):
        if not tensors:
            raise ModelError(
                f"has no {word}", where=where, remedy="submit a model that computes something from its inputs"
            )
        for position, index in enumerate(tensors):
            if index >= 0 and graph.tensors[index].dtype == "unsupported":
                raise ModelError(
                    _refusal(word, position, graph.tensors[index]),
                    where=where,
                    remedy=_REMEDIES.get(
                        graph.tensors[index].stored, "convert it with inputs and outputs of plain numbers"
                    ),
                )
    for position, index in enumerate(graph.outputs):
        if index in graph.inputs:
            raise ModelError(
                f"its output {position}, {graph.tensors[index].name!r}, is an input, too: the runtime does not give it back",
                where=where,
                remedy="export the model without passing inputs through",
            )
    if graph.signature is not None and graph.signature[1] != 0:
        name, subgraph = graph.signature
        raise ModelError(
            f"its first signature, {name!r}, runs subgraph {subgraph} instead of the main one",
            where=where,
            remedy="export only the signature that is deployed",
        )


def _refusal(word: str, position: int, tensor: Tensor) -> str:
    return f"its {word} {position}, {tensor.name!r}, is a {tensor.stored} tensor, which a capture cannot hold"
