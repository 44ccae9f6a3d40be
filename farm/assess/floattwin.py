"""The float twin of a submitted model: its graph, and which of its tensors is which."""

from __future__ import annotations

import io
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from farm.compare import twin
from farm.compare.difference import real
from farm.errors import JobError
from farm.model import graph as graphs
from farm.reference.frames import load_npy

if TYPE_CHECKING:
    from farm.assess.told import Frames
    from farm.compare.twin import Alignment
    from farm.model.graph import Graph
    from farm.store.artifacts import ArtifactStore
    from farm.submission import InputFrame, Submission


@dataclass(frozen=True)
class Twin:
    """The float model."""

    name: str
    sha256: str
    graph: Graph
    """With its outputs in the submitted model's order."""
    own: Graph
    """The submitted model's."""
    alignment: Alignment

    def frames(self, frames: Frames, artifacts: ArtifactStore) -> Frames:
        """Tensors that were given in the submitted model's type as the float one takes them; others stay as they are."""
        pairs = zip(self.own.inputs, self.graph.inputs, strict=False)
        if all(self.own.tensors[a].dtype == self.graph.tensors[b].dtype for a, b in pairs):
            return frames
        return tuple((i, self._real(frame, artifacts) if frame.kind == "tensor" else frame) for i, frame in frames)

    def _real(self, frame: InputFrame, artifacts: ArtifactStore) -> InputFrame:
        stored = []
        for index, sha256 in zip(self.own.inputs, frame.sha256, strict=False):
            file = io.BytesIO()
            values = real(load_npy(artifacts.read(sha256), frame.name), self.own.tensors[index])
            np.save(file, values.astype(np.float32), allow_pickle=False)
            stored.append(artifacts.put(file.getvalue()))
        return frame.model_copy(update={"sha256": tuple(stored)})


def find(submission: Submission, graph: Graph, artifacts: ArtifactStore) -> Twin | None:
    """The twin that a submission names; None when it names none, or the submitted model itself.

    Raises:
        JobError: it cannot be read, or is another model.
    """
    named = submission.float_twin
    if named is None or named.model_sha256 == submission.model_sha256:
        return None
    data = artifacts.read(named.model_sha256)
    theirs = graphs.read(data, named.model_name)
    found = twin.align(artifacts.read(submission.model_sha256), data, submission.model_name, named.model_name)
    twins = found.twins()
    outputs = tuple(twins.get(t, -1) for t in graph.outputs)
    if -1 in outputs:
        raise JobError(
            f"is not the float model of {submission.model_name}: {found.words()}, but not its outputs",
            where=named.model_name,
            remedy="give the model that was quantized, as a float .tflite",
        )
    return Twin(named.model_name, named.model_sha256, replace(theirs, outputs=outputs), graph, found)
