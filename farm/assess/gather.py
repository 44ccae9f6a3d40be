"""The evidence of a run: what references are needed for it, and which frames they are given.

The references' outputs over all frames come from the first reference asked for; reference kernels, which are slow, are
replaced by the fast runtime where they would take longer than `cost.REFERENCE_BUDGET`, and the accuracy says by which.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from farm.assess.evidence import Evidence, Outcomes
from farm.assess.observe import observe
from farm.assess.replay import Replay
from farm.compare.answers import answers, is_classifier, output
from farm.compare.difference import difference
from farm.compare.isolated import compare_isolated, fed_by
from farm.compare.latency import layer_times
from farm.compare.layers import compare_layers, input_error, is_quantized, judged, threshold
from farm.errors import InfrastructureError
from farm.model import graph as graphs
from farm.reference import registry
from farm.reference.cost import affordable
from farm.reference.record import record_all

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from farm.capture.recording import Recording
    from farm.model.graph import Graph
    from farm.model.recipe import Recipe
    from farm.report.document import Comparison
    from farm.store.artifacts import ArtifactStore
    from farm.submission import InputFrame, Submission

    Array = np.ndarray[Any, Any]
    Frames = tuple[tuple[int, InputFrame], ...]
    Progress = Callable[[str, int, int], None]
    """Told a stage, and how many of its frames are done."""

FAST, SLOW = "litert", "litert-ref"


def gather(
    room: Room,
    latency: Recording,
    layers: Recording | None,
    isolated: Recording | None = None,
    profile: Recording | None = None,
) -> Evidence:
    """The evidence of a run. Errors as in `assess_run`."""
    submission, artifacts, graph = room.submission, room.artifacts, room.graph
    for name in submission.references:
        registry.find(name)  # before anything slow
    timed = room.frames(latency)
    if not timed:
        raise InfrastructureError(
            "the latency pass logged no frame", where=latency.header.source, remedy="run it again"
        )
    references, comparisons = (
        room.compare(layers, isolated, profile) if layers is not None and layers.frames else ((), ())
    )
    inputs = (
        observe(submission, graph, room.recipe, layers, references[0], artifacts) if layers and references else None
    )
    control = room.outputs(FAST, timed)
    name = submission.references[0] if submission.references else FAST
    name = name if name != SLOW or affordable(graph, len(timed)) else FAST
    reference = control if name == FAST else room.outputs(name, timed)
    limit = max((c.threshold for c in comparisons), default=threshold(graph))
    outcomes = _outcomes(graph, artifacts, timed, (latency, reference, control), name, limit)
    return Evidence(
        submission=submission,
        graph=graph,
        artifacts=artifacts,
        recipe=room.recipe,
        latency=latency,
        layers=layers,
        references=references,
        comparisons=comparisons,
        outcomes=outcomes,
        inputs=inputs,
        replay=Replay(room.replay, timed, graph, artifacts) if outcomes.labelled and room.has_pictures else None,
        order=np.arange(len(timed)),
        layer_weights=np.ones(0 if inputs is None else len(inputs.agrees)),
    )


class Room:
    """What running references for one submission takes."""

    def __init__(
        self, submission: Submission, artifacts: ArtifactStore, cache: Path, progress: Progress | None
    ) -> None:
        self.submission = submission
        self.artifacts = artifacts
        self.graph = graphs.read(artifacts.read(submission.model_sha256), submission.model_name)
        use = submission.expected or submission.recipe
        self.recipe: Recipe | None = None if use is None else use.recipe
        self._cache = cache
        self._progress = progress

    @property
    def has_pictures(self) -> bool:
        """Recipes apply to the frames."""
        return self.recipe is not None and all(f.kind == "image" for f in self.submission.frames)

    def tell(self, stage: str, done: int, of: int) -> None:
        """Report progress, if anybody listens."""
        if self._progress is not None:
            self._progress(stage, done, of)

    def frames(self, recording: Recording) -> Frames:
        """The submission's frames that a recording has."""
        return tuple(
            (i, self.submission.frames[i]) for i in sorted(recording.frames) if i < len(self.submission.frames)
        )

    def record(
        self, name: str, frames: Frames, recipes: tuple[Recipe | None, ...], stage: str, *, layers: bool
    ) -> tuple[Recording, ...]:
        """As `record_all`."""
        return record_all(
            name,
            artifacts=self.artifacts,
            cache=self._cache,
            model_sha256=self.submission.model_sha256,
            frames=frames,
            recipes=recipes,
            layers=layers,
            progress=lambda done, of: self.tell(stage, done, of),
            timeout_s=self.submission.pass_timeout_s * max(1, len(recipes)),
        )

    def outputs(self, name: str, frames: Frames) -> Recording:
        """What a reference answers to all frames."""
        return self.record(name, frames, (self.recipe,), f"reference {name}", layers=False)[0]

    def every_tensor(self, name: str, frames: Frames) -> Recording:
        """What a reference computes in every layer."""
        return self.record(name, frames, (self.recipe,), f"layers of {name}", layers=True)[0]

    def replay(self, frames: Frames, recipes: tuple[Recipe, ...]) -> tuple[Recording, ...]:
        """What the fast runtime answers under other recipes."""
        return self.record(FAST, frames, recipes, "other recipes", layers=False)

    def compare(
        self, layers: Recording, isolated: Recording | None, profile: Recording | None
    ) -> tuple[tuple[Recording, ...], tuple[Comparison, ...]]:
        """Layer recordings of the references, and the device against each."""
        frames, graph, artifacts = self.frames(layers), self.graph, self.artifacts
        references = tuple(self.every_tensor(name, frames) for name in self.submission.references)
        healthy = self._control(frames)
        plain_times = layer_times(profile, graph, artifacts) if profile is not None else {}
        found = []
        for i, reference in enumerate(references):
            comparison = compare_layers(
                layers,
                reference,
                graph,
                artifacts,
                threshold=threshold(graph, control=healthy),
                own=compare_isolated(isolated, reference, graph, artifacts)
                if isolated is not None and fed_by(isolated, reference, default=i == 0)
                else None,
                profile_us=plain_times,
            )
            limit = threshold(graph, control=healthy, input_nrmse=input_error(comparison))
            found.append(judged(comparison, limit))
        return references, tuple(found)

    def _control(self, frames: Frames) -> Comparison | None:
        """How far two healthy runtimes are apart on this model and these frames.

        None for float models, where it is known to be next to nothing, and where it is too much work.
        """
        if not is_quantized(self.graph) or not affordable(self.graph, len(frames)):
            return None
        fast, slow = self.every_tensor(FAST, frames), self.every_tensor(SLOW, frames)
        return compare_layers(fast, slow, self.graph, self.artifacts, threshold=0.0)


def _outcomes(
    graph: Graph,
    artifacts: ArtifactStore,
    frames: Frames,
    recordings: tuple[Recording, Recording, Recording],
    name: str,
    limit: float,
) -> Outcomes:
    """Answers of device, reference and control; where the model is no classifier, whether outputs are alike."""
    indices, labels = [i for i, _ in frames], [f.label for _, f in frames]
    if is_classifier(graph):
        device, reference, control = (answers(r, graph, artifacts, indices, labels) for r in recordings)
        return Outcomes(
            frames=tuple(indices),
            agrees=device.top1 == reference.top1,
            control_agrees=control.top1 == reference.top1,
            labelled=all(label is not None for label in labels),
            device=device,
            reference=reference,
            reference_name=name,
        )
    agrees, control_agrees = [], []
    for frame in indices:
        mine, right, healthy = (output(r, graph, artifacts, frame) for r in recordings)
        agrees.append(_alike(mine, right, graph, limit))
        control_agrees.append(_alike(healthy, right, graph, limit))
    return Outcomes(
        frames=tuple(indices),
        agrees=np.array(agrees),
        control_agrees=np.array(control_agrees),
        labelled=False,
        device=None,
        reference=None,
        reference_name=name,
    )


def _alike(mine: Array | None, right: Array | None, graph: Graph, limit: float) -> bool:
    if mine is None or right is None:
        return False
    return difference(mine, right, graph.tensors[graph.outputs[0]]).nrmse <= limit
