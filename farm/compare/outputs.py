"""A recording's model outputs by their position, as real numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from farm.capture.recording import dequantize
from farm.errors import InputsError

if TYPE_CHECKING:
    from farm.capture.recording import Recording
    from farm.model.graph import Graph
    from farm.store.artifacts import ArtifactStore

    Array = np.ndarray[Any, Any]


class Outputs:
    """Of one frame. Read on demand: of a detector with many outputs, those that the recipe names."""

    def __init__(self, recording: Recording, graph: Graph, artifacts: ArtifactStore, frame: int) -> None:
        self._recording = recording
        self._graph = graph
        self._frame = frame
        self._values = recording.tensors(artifacts, frame)

    def stored(self, position: int) -> Array:
        """As logged, without a batch of 1.

        Raises:
            InputsError: it was not logged.
        """
        return self._squeezed(self._values[self._key(position)])

    def real(self, position: int) -> Array:
        """Dequantized, f64, without a batch of 1. Errors as in `stored`."""
        key = self._key(position)
        spec = self._recording.by_tensor.get(key)
        value = self._values[key]
        return self._squeezed(value.astype(np.float64) if spec is None else dequantize(value, spec))

    def _key(self, position: int) -> int:
        outputs = self._graph.outputs
        if position < len(outputs) and outputs[position] in self._values:
            return outputs[position]
        for spec in self._recording.specs:  # a runtime that does not tell tensor indices leaves positions
            if spec.role == "output" and spec.position == position and spec.tensor < 0 and spec.tensor in self._values:
                return spec.tensor
        raise InputsError(
            f"frame {self._frame} has no output {position}",
            where=self._recording.header.source,
            remedy="run the pass again",
        )

    def _squeezed(self, value: Array) -> Array:
        return value[0] if value.ndim > 1 and value.shape[0] == 1 else value
