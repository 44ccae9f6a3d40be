"""Ranges of values, as recipes feed them and models hold them, in numbers and in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from farm.model.opened import ACTIVATIONS, span
from farm.model.recipe import Normalize

if TYPE_CHECKING:
    from farm.model.graph import Graph
    from farm.model.recipe import Recipe

    Ranges = tuple[tuple[float, float], ...]
    """Low and high of each channel, or of all in one."""

COMMON = (
    Normalize(mean=(127.5,) * 3, std=(127.5,) * 3),
    Normalize(mean=(0.0,) * 3, std=(255.0,) * 3),
    Normalize(mean=(0.0,) * 3, std=(1.0,) * 3),
    Normalize(mean=(123.675, 116.28, 103.53), std=(58.395, 57.12, 57.375)),
)
"""What published models use: [-1, 1], [0, 1], plain pixels, ImageNet's mean and deviation (torchvision)."""


def of_recipe(recipe: Recipe) -> Ranges:
    """What pixels 0 and 255 become, for each channel as fed."""
    pairs = [((0 - m) / s, (255 - m) / s) for m, s in zip(recipe.normalize.mean, recipe.normalize.std, strict=True)]
    return tuple((min(p), max(p)) for p in pairs)


def of_input(graph: Graph) -> tuple[float, float] | None:
    """What the model's first input can hold; None when it is not quantized."""
    tensor = graph.tensors[graph.inputs[0]]
    return span(tensor) if tensor.dtype in ACTIVATIONS else None


def words(ranges: Ranges) -> str:
    """`[-1, 1]`, or one a channel where they differ."""
    spelled = [f"[{_number(low)}, {_number(high)}]" for low, high in ranges]
    return spelled[0] if len(set(spelled)) == 1 else " ".join(spelled)


def _number(value: float) -> str:
    """Two digits behind the point, without what rounding leaves."""
    return f"{round(value, 2) + 0.0:g}"
