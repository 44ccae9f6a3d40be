"""What one target answered to frames, small enough to keep for all of them, and how right it was."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from farm.compare.answers import output
from farm.compare.difference import difference, real
from farm.compare.tasks.classification import Classification
from farm.compare.tasks.read import read

if TYPE_CHECKING:
    from collections.abc import Sequence

    from farm.capture.recording import Recording
    from farm.compare.answers import Answers
    from farm.compare.tasks.contract import Reading
    from farm.model.graph import Graph
    from farm.model.recipe import Recipe
    from farm.store.artifacts import ArtifactStore
    from farm.submission import InputFrame

    Array = np.ndarray[Any, Any]
    Frames = tuple[tuple[int, InputFrame], ...]


@dataclass(frozen=True)
class Told:
    """Of n frames."""

    recording: Recording
    graph: Graph
    frames: tuple[int, ...]
    reading: Reading | None
    """In the terms of the task; None when nothing tells what the outputs mean."""
    metric: str = ""
    """What `scores` are, a frame; empty when nothing is known to be true."""
    scores: Array | None = None
    """float [n] in [0, 1]."""

    @property
    def answers(self) -> Answers | None:
        """None when the model is no classifier."""
        return self.reading.answers if isinstance(self.reading, Classification) else None

    def at(self, frames: Sequence[int]) -> Array:
        """Positions of these frames, all of which it has."""
        place = {frame: i for i, frame in enumerate(self.frames)}
        return np.array([place[f] for f in frames], int)


def told(
    recording: Recording, graph: Graph, artifacts: ArtifactStore, frames: Frames, recipe: Recipe | None = None
) -> Told:
    """The answers to those of `frames` that the recording has; `recipe` tells what they mean.

    Raises:
        InputsError: the truth does not fit the model.
        RecipeError: the outputs are not as the recipe says.
    """
    had = [(i, frame) for i, frame in frames if i in recording.frames]
    indices = tuple(i for i, _ in had)
    reading = read(recording, graph, recipe, had, artifacts)
    if reading is None or not reading.labelled:
        return Told(recording, graph, indices, reading)
    scores = reading.scores()
    return Told(recording, graph, indices, reading, metric=scores.metric, scores=scores.values)


def agree(a: Told, b: Told, frames: Sequence[int], artifacts: ArtifactStore, limit: float) -> Array:
    """f64 [n] in [0, 1]: how far the answers are the same in the terms of the task (of a classifier 0 or 1).

    Where nothing tells what the outputs mean: whether they differ by at most `limit` (nRMSE).
    """
    if a.reading is not None and b.reading is not None and a.reading.task == b.reading.task:
        return a.reading.take(a.at(frames)).agreement(b.reading.take(b.at(frames))).values
    return np.array([_alike(a, b, frame, artifacts, limit) for frame in frames], np.float64)


def _alike(a: Told, b: Told, frame: int, artifacts: ArtifactStore, limit: float) -> bool:
    mine, other = (output(t.recording, t.graph, artifacts, frame) for t in (a, b))
    if mine is None or other is None or mine.size != other.size:
        return False
    tensors = [t.graph.tensors[t.graph.outputs[0]] for t in (a, b)]
    if mine.dtype == other.dtype and tensors[0].scale == tensors[1].scale:
        return difference(mine, other, tensors[1]).nrmse <= limit
    from dataclasses import replace

    plain = replace(tensors[1], scale=(), zero_point=())
    values = [real(v, t).astype(np.float32) for v, t in zip((mine, other), tensors, strict=True)]
    return difference(values[0], values[1], plain).nrmse <= limit
