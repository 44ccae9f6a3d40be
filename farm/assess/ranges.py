"""Ranges of values, as recipes feed them and models hold them, in numbers and in words."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import numpy as np

from farm.model import graph as graphs

if TYPE_CHECKING:
    from farm.assess.inputs import Transform
    from farm.model.graph import Graph
    from farm.model.recipe import Normalize, Recipe
    from farm.store.artifacts import ArtifactStore

    Ranges = tuple[tuple[float, float], ...]
    """Low and high of each channel, or of all in one."""

LIMIT_INT32 = 2**31 - 1


def of_recipe(recipe: Recipe) -> Ranges:
    """What pixels 0 and 255 become, for each channel as fed."""
    pairs = [((0 - m) / s, (255 - m) / s) for m, s in zip(recipe.normalize.mean, recipe.normalize.std, strict=True)]
    return tuple((min(p), max(p)) for p in pairs)


def seen_by(transform: Transform, recipe: Recipe | None) -> Ranges:
    """What the device makes of the range it should feed; of [0, 1] where no recipe says which that is."""
    whole = of_recipe(recipe) if recipe is not None else ((0.0, 1.0),) * len(transform.slope)
    order = transform.permutation or tuple(range(len(transform.slope)))
    ends = [
        (slope * whole[k][0] + offset, slope * whole[k][1] + offset)
        for slope, offset, k in zip(transform.slope, transform.offset, order, strict=True)
    ]
    return tuple((min(e), max(e)) for e in ends)


def of_input(graph: Graph) -> tuple[float, float] | None:
    """What the model's first input can hold; None when it is not quantized."""
    tensor = graph.tensors[graph.inputs[0]]
    if len(tensor.scale) != 1 or not np.issubdtype(np.dtype(tensor.dtype), np.integer):
        return None
    limits = np.iinfo(np.dtype(tensor.dtype))
    scale, zero = tensor.scale[0], tensor.zero_point[0]
    return scale * (int(limits.min) - zero), scale * (int(limits.max) - zero)


def words(ranges: Ranges) -> str:
    """`[-1, 1]`, or one a channel where they differ."""
    spelled = [f"[{_number(low)}, {_number(high)}]" for low, high in ranges]
    return spelled[0] if len(set(spelled)) == 1 else " ".join(spelled)


def line(normalize: Normalize) -> str:
    """The recipe's line."""
    mean, std = (
        f"{v[0]:g}" if len(set(v)) == 1 else f"[{', '.join(f'{x:g}' for x in v)}]"
        for v in (normalize.mean, normalize.std)
    )
    return f"normalize = {{ mean = {mean}, std = {std} }}"


@functools.lru_cache(maxsize=16)
def saturated_biases(artifacts: ArtifactStore, model_sha256: str) -> tuple[str, ...]:
    """Names of the model's int32 biases that hold a value at int32's limit.

    Raises:
        ModelError: the model cannot be read.
    """
    data = artifacts.read(model_sha256)
    graph, tree = graphs.read(data), graphs.unpack(data, "model")
    biases = dict.fromkeys(
        node.inputs[2]
        for node in graph.nodes
        if node.op in ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED") and len(node.inputs) > 2
    )
    found = []
    for index in biases:
        if index < 0 or graph.tensors[index].dtype != "int32":
            continue
        buffer = tree.buffers[tree.subgraphs[0].tensors[index].buffer].data
        values = np.frombuffer(bytes(bytearray(buffer)) if buffer is not None else b"", "<i4")
        if (np.abs(values.astype(np.int64)) >= LIMIT_INT32).any():
            found.append(graph.tensors[index].name)
    return tuple(found)


def _number(value: float) -> str:
    """Two digits behind the point, without what rounding leaves."""
    return f"{round(value, 2) + 0.0:g}"
