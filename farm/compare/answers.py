"""What a classifier answered, frame by frame: small enough to keep for any number of frames."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from farm.errors import InputsError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from farm.capture.recording import Recording
    from farm.model.graph import Graph
    from farm.store.artifacts import ArtifactStore

    Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Answers:
    """To n frames. Of equal scores (frequent when outputs are quantized) the lowest class index counts as the better."""

    top1: Array
    """int [n]: the best class."""
    rank: Array
    """int [n]: position of the label in the frame's ranking, 0 the best; -1 where the frame has no label."""
    classes: int

    @property
    def right(self) -> Array:
        """bool [n]: top-1 is the label."""
        result: Array = self.rank == 0
        return result

    def take(self, order: Array) -> Answers:
        """The answers at these positions."""
        return Answers(self.top1[order], self.rank[order], self.classes)


def is_classifier(graph: Graph) -> bool:
    """Whether the first output is one list of at least two scores."""
    return bool(graph.outputs) and sum(d > 1 for d in graph.tensors[graph.outputs[0]].shape) == 1


def output(recording: Recording, graph: Graph, artifacts: ArtifactStore, frame: int) -> Array | None:
    """The model's first output for a frame, as logged; None when it was not logged."""
    values = recording.tensors(artifacts, frame)
    if graph.outputs[0] in values:
        return values[graph.outputs[0]]
    # A runtime that does not tell tensor indices leaves positions.
    by_position = (s.tensor for s in recording.specs if s.role == "output" and s.position == 0 and s.tensor < 0)
    return values.get(next(by_position, -1))


def answers(
    recording: Recording,
    graph: Graph,
    artifacts: ArtifactStore,
    frames: Sequence[int],
    labels: Sequence[int | None],
) -> Answers:
    """The answers to `frames`, all of which the recording has. Scores are read as logged: a scale keeps their order.

    Raises:
        InputsError: a label is no class of the model.
    """
    top1, rank, classes = [], [], 0
    for frame, label in zip(frames, labels, strict=True):
        scores = output(recording, graph, artifacts, frame)
        if scores is None:
            raise InputsError(
                f"frame {frame} has no output", where=recording.header.source, remedy="run the pass again"
            )
        flat = ranked(scores)
        classes = len(flat)
        if label is not None and not 0 <= label < classes:
            raise InputsError(
                f"label {label} of frame {frame} is no class of a model with {classes}",
                where="labels",
                remedy="check which numbering the labels use",
            )
        top1.append(int(flat.argmax()))
        rank.append(-1 if label is None else int((flat > flat[label]).sum() + (flat[:label] == flat[label]).sum()))
    return Answers(np.array(top1, np.int64), np.array(rank, np.int64), classes)


def ranked(scores: Array) -> Array:
    """Scores in one row, NaN below everything."""
    flat = scores.ravel()
    return np.where(np.isnan(flat), -np.inf, flat) if flat.dtype.kind == "f" else flat
