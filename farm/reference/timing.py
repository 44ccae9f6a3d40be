"""What each operator costs on a reference runtime, which has no profiler: each is cut out of the model and timed alone.

An operator is fed what it gets in the whole model, for one seeded random input; a figure includes the call through Python,
a microsecond or two. Operators that cannot be cut out (their inputs are of a type that cannot be fed) are left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from farm.compare.alignment import OPERATOR
from farm.errors import ModelError
from farm.model import graph as graphs
from farm.model import support
from farm.model.single import singles

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from farm.model.graph import Graph
    from farm.reference.contract import Means, Reference

    Array = np.ndarray[Any, Any]

SEED = 20220831
LARGEST_INDEX = 100
"""Integers of a model's input may be indices into a table of its."""


def operator_times(
    model: bytes, graph: Graph, runtime: type[Reference], rounds: int, means: Means | None = None
) -> Iterator[list[tuple[int, str, int, int]]]:
    """For each of `rounds`, in which every operator runs once: (event type, operator's name, node, nanoseconds) of each.

    Raises:
        ModelError: as `support.check`, or the runtime refuses the model, or no operator can be timed alone.
    """
    support.check(graph, runtime.name)
    if runtime.runs != "the submitted model":
        raise ModelError(
            "does not run the model's own operators", where=runtime.name, remedy="time them on litert or litert-ref"
        )
    whole = runtime(model, graph, layers=True, threads=1, means=means)
    tensors = whole.run(random_inputs(graph, whole.input_shapes))
    shapes = {t: v.shape for t, v in tensors.items()}
    ready = []
    for node, single in singles(model, shapes=shapes):
        if not all(feed in tensors for feed in single.feeds):
            continue
        own = graphs.read(single.model)
        inputs = {index: tensors[feed] for index, feed in zip(own.inputs, single.feeds, strict=True)}
        alone = runtime(single.model, own, layers=False, threads=1, means=means)
        alone.invoke_ns(inputs)  # the first allocates
        ready.append((node, alone, inputs))
    if not ready:
        raise ModelError("none of its operators can be timed alone", where=runtime.name, remedy="leave --reference out")
    for _ in range(rounds):
        yield [(OPERATOR, graph.nodes[node].op, node, alone.invoke_ns(inputs)) for node, alone, inputs in ready]


def random_inputs(graph: Graph, shapes: Mapping[int, tuple[int, ...]]) -> dict[int, Array]:
    """Seeded values by input: floats in [-1, 1], integers of more than a byte from 0 to `LARGEST_INDEX`."""
    rng, found = np.random.default_rng(SEED), {}
    for index, shape in shapes.items():
        dtype = np.dtype(graph.tensors[index].dtype)
        if dtype.kind == "f":
            found[index] = rng.uniform(-1, 1, shape).astype(dtype)
        elif dtype.kind == "b":
            found[index] = rng.integers(0, 1, shape, endpoint=True).astype(dtype)
        else:
            top = np.iinfo(dtype).max if dtype.itemsize == 1 else LARGEST_INDEX
            found[index] = rng.integers(0, top, shape, endpoint=True).astype(dtype)
    return found
