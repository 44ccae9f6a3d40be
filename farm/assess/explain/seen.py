"""What both sides logged of the model's inputs, and the frames they were made from."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from farm.compare.difference import real

if TYPE_CHECKING:
    from collections.abc import Mapping

    from farm.model.graph import Graph, Tensor
    from farm.model.recipe import Recipe
    from farm.store.artifacts import ArtifactStore
    from farm.submission import InputFrame

    Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Seen:
    """f frames. Values are as stored (not dequantized), in the model's own shape, by tensor index."""

    graph: Graph
    artifacts: ArtifactStore
    recipe: Recipe | None
    """What was expected."""
    deployed: Recipe | None
    """What the device says it does."""
    frames: tuple[InputFrame, ...]
    device: tuple[Mapping[int, Array], ...]
    expected: tuple[Mapping[int, Array], ...]

    @property
    def index(self) -> int:
        """Of the first input."""
        return self.graph.inputs[0]

    @property
    def tensor(self) -> Tensor:
        """The first input."""
        return self.graph.tensors[self.index]

    @property
    def kind(self) -> str:
        """Of the frames: `image`, `audio`, `text`, `tensor`; `tensor` where no recipe says how they become inputs."""
        return self.frames[0].kind if self.recipe is not None else "tensor"

    @property
    def step(self) -> float:
        """One quantization step of the first input, in its own units; 0 for float."""
        return abs(self.tensor.scale[0]) if self.tensor.scale else 0.0

    @functools.cached_property
    def agrees(self) -> Array:
        """bool [f]: pictures within one unit of 255 before normalizing and a quantization step; all else to the bit."""
        return np.array(
            [
                all(self._agree(d[i], e[i], self.graph.tensors[i]) for i in self.graph.inputs)
                for d, e in zip(self.device, self.expected, strict=True)
            ]
        )

    def _agree(self, device: Array, expected: Array, tensor: Tensor) -> bool:
        if self.kind == "audio" and device.dtype.kind == "f":
            # Two transforms in double precision, rounded to float, part by some units in the last place.
            limit = 1e-3 * max(float(np.ptp(expected)), 1e-6)
            return bool((np.abs(device.astype(np.float64) - expected) <= limit).all())
        if self.kind != "image" or expected.shape[-1:] != (3,) or self.recipe is None:
            same = np.array_equal(device, expected, equal_nan=device.dtype.kind == "f")
            if same or self.kind != "audio":
                return same
            return bool((np.abs(real(device, tensor) - real(expected, tensor)) <= 1.01 * self.step).all())
        unit = 1.01 / np.abs(np.asarray(self.recipe.normalize.std)) + (tensor.scale[0] if tensor.scale else 0.0)
        return bool((np.abs(real(device, tensor) - real(expected, tensor)) <= unit).all())
