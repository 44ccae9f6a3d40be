"""The evidence of a run: what references are needed for it, and which frames they are given.

The references' outputs over all frames come from the first reference asked for; reference kernels, which are slow, are
replaced by the fast runtime where they would take longer than `cost.REFERENCE_BUDGET`, and the accuracy says by which.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from farm.assess import floattwin
from farm.assess.baseline import NO_COSTS, Costs, earlier
from farm.assess.evidence import Evidence, Outcomes
from farm.assess.explain.observe import observe
from farm.assess.floattwin import Twin
from farm.assess.ladder import Device, climb
from farm.assess.outputs import output_change
from farm.assess.quantized import examine
from farm.assess.replay import Replay
from farm.assess.told import agree, told
from farm.compare.isolated import FED_BY, compare_isolated, fed_by
from farm.compare.latency import layer_times
from farm.compare.layers import compare_layers, has_real_layers, input_error, is_quantized, judged, threshold
from farm.errors import InfrastructureError, JobError
from farm.model import graph as graphs
from farm.reference import registry
from farm.reference.cost import affordable
from farm.reference.record import kept, record_all

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from farm.capture.recording import Recording
    from farm.model.recipe import Recipe
    from farm.report.document import Comparison
    from farm.store.artifacts import ArtifactStore
    from farm.submission import InputFrame, Submission

    Frames = tuple[tuple[int, InputFrame], ...]
    Progress = Callable[[str, int, int], None]
    """Told a stage, and how many of its frames are done."""

FAST, SLOW = "litert", "litert-ref"
AGREEMENT = 0.9
"""Share of equal answers below which it is asked what was done to the outputs."""


def gather(
    room: Room,
    latency: Recording,
    layers: Recording | None,
    isolated: Recording | None = None,
    profile: Recording | None = None,
    others: Sequence[Recording] = (),
    costs: Costs = NO_COSTS,
) -> Evidence:
    """The evidence of a run. Errors as in `assess_run`."""
    submission, artifacts, graph = room.submission, room.artifacts, room.graph
    for name in submission.references:
        registry.source_of(name, submission.sources)  # before anything slow
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
    fed_alike = inputs is None or bool(inputs.agrees.all())
    outcomes = _outcomes(room, timed, (latency, reference, control), name, limit, fed_alike=fed_alike)
    twin, healthy = _twin(room), earlier(submission, artifacts)
    evidence = Evidence(
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
        replay=_replay(room, timed, twin) if outcomes.scores is not None and room.has_pictures else None,
        climb=None,
        order=np.arange(len(timed)),
        layer_weights=np.ones(0 if inputs is None else len(inputs.agrees)),
        profile=profile,
        outputs=reference,
        baseline=healthy,
        costs=costs,
    )
    recipe = evidence.better[-1].recipe if evidence.better else room.recipe
    feeder = room.feeder(isolated, room.frames(layers)) if layers is not None else None
    fed = references if feeder is None else (feeder, *references)
    if healthy is not None and healthy.layers is not None:
        others = (*others, healthy.layers)
    device = Device(latency, layers, isolated, fed, limit, tuple(others))
    evidence = replace(evidence, climb=climb(room, recipe, timed, device, twin))
    return replace(evidence, quantization=examine(room, evidence, twin))


def _twin(room: Room) -> Twin | JobError | None:
    try:
        return floattwin.find(room.submission, room.graph, room.artifacts)
    except JobError as e:
        return e


def _replay(room: Room, timed: Frames, twin: Twin | JobError | None) -> Replay:
    """On the float or unconverted model where there is one: a calibration for another recipe would speak for that recipe."""
    if isinstance(twin, Twin):
        return Replay(partial(room.replay, model_sha256=twin.sha256), timed, twin.graph, room.artifacts)
    unconverted = room.unconverted() if is_quantized(room.graph) else ""
    return Replay(partial(room.replay, name=unconverted or FAST), timed, room.graph, room.artifacts)


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
        self,
        name: str,
        frames: Frames,
        recipes: tuple[Recipe | None, ...],
        stage: str,
        *,
        layers: bool,
        model_sha256: str = "",
    ) -> tuple[Recording, ...]:
        """As `record_all`; of the submitted model unless another is named."""
        return record_all(
            name,
            artifacts=self.artifacts,
            cache=self._cache,
            model_sha256=model_sha256 or self.submission.model_sha256,
            frames=frames,
            recipes=recipes,
            layers=layers,
            progress=lambda done, of: self.tell(stage, done, of),
            sources=self.submission.sources,
            timeout_s=self.submission.pass_timeout_s * max(1, len(recipes)),
        )

    def outputs(self, name: str, frames: Frames) -> Recording:
        """What a reference answers to all frames."""
        return self.record(name, frames, (self.recipe,), f"reference {name}", layers=False)[0]

    def every_tensor(self, name: str, frames: Frames) -> Recording:
        """What a reference computes in every layer."""
        return self.record(name, frames, (self.recipe,), f"layers of {name}", layers=True)[0]

    def kept(self, name: str, frames: Frames) -> Recording | None:
        """As `every_tensor`, of what was computed before; None where that is gone. Runs nothing."""
        return kept(
            name, artifacts=self.artifacts, cache=self._cache, model_sha256=self.submission.model_sha256, frames=frames,
            recipe=self.recipe, layers=True, sources=self.submission.sources,
        )  # fmt: skip

    def replay(
        self, frames: Frames, recipes: tuple[Recipe, ...], model_sha256: str = "", name: str = FAST
    ) -> tuple[Recording, ...]:
        """What a runtime answers under other recipes."""
        return self.record(name, frames, recipes, "other recipes", layers=False, model_sha256=model_sha256)

    def unconverted(self) -> str:
        """The reference that runs the model before it was converted; empty when none does."""
        for name in self.submission.references:
            if registry.find(registry.source_of(name, self.submission.sources).runtime).runs == "a model of its own":
                return name
        return ""

    def compare(
        self, layers: Recording, isolated: Recording | None, profile: Recording | None
    ) -> tuple[tuple[Recording, ...], tuple[Comparison, ...]]:
        """Layer recordings of the references, and the device against each."""
        frames, graph, artifacts = self.frames(layers), self.graph, self.artifacts
        references = tuple(self.every_tensor(name, frames) for name in self.submission.references)
        healthy = self._control(frames)
        feeder = self.feeder(isolated, frames)
        plain_times = layer_times(profile, graph, artifacts) if profile is not None else {}
        found = []
        for i, reference in enumerate(references):
            noise = self._control(frames, reference) if has_real_layers(reference, graph) else healthy
            fed = feeder if feeder is not None and i == 0 else reference
            comparison = compare_layers(
                layers,
                reference,
                graph,
                artifacts,
                threshold=threshold(graph, control=noise),
                own=compare_isolated(isolated, fed, graph, artifacts)
                if isolated is not None and fed_by(isolated, fed, default=i == 0)
                else None,
                profile_us=plain_times,
            )
            limit = threshold(graph, control=noise, input_nrmse=input_error(comparison))
            found.append(judged(comparison, limit))
        return references, tuple(found)

    def feeds_isolated(self) -> str:
        """Whose tensors the `isolated` pass is fed: the first reference that has them all, else one of this computer's."""
        sources = self.submission.sources
        whole = (n for n in self.submission.references if registry.every_tensor(n, sources))
        return next(whole, SLOW if affordable(self.graph, self.submission.layer_frames) else FAST)

    def feeder(self, isolated: Recording | None, frames: Frames) -> Recording | None:
        """What fed the isolated pass where none of the references did."""
        name = "" if isolated is None else isolated.header.labels.get(FED_BY, "")
        known = not name or name in self.submission.references or name not in registry.KNOWN
        return None if known else self.every_tensor(name, frames)

    def _control(self, frames: Frames, reference: Recording | None = None) -> Comparison | None:
        """How far healthy runtimes are apart on this model and these frames: two of this computer's, or one and `reference`.

        None for float models, where it is known to be next to nothing, and where it is too much work.
        """
        if not is_quantized(self.graph) or (reference is None and not affordable(self.graph, len(frames))):
            return None
        other = reference or self.every_tensor(SLOW, frames)
        return compare_layers(self.every_tensor(FAST, frames), other, self.graph, self.artifacts, threshold=0.0)


def _outcomes(
    room: Room,
    frames: Frames,
    recordings: tuple[Recording, Recording, Recording],
    name: str,
    limit: float,
    *,
    fed_alike: bool,
) -> Outcomes:
    """Answers of device, reference and control; where nothing tells what they mean, whether outputs are alike."""
    graph, artifacts, recipe = room.graph, room.artifacts, room.recipe
    device, reference, control = (told(r, graph, artifacts, frames, recipe) for r in recordings)
    indices = [i for i, _ in frames]
    classes = device.answers is not None
    agrees = agree(device, reference, indices, artifacts, limit)
    change = None
    # Answers may agree although the outputs do not: a missing softmax changes no class.
    if fed_alike or agrees.mean() < AGREEMENT:
        change = output_change(recordings[0], recordings[1], graph, artifacts, indices)
    return Outcomes(
        frames=tuple(indices),
        agrees=agrees,
        control_agrees=agree(control, reference, indices, artifacts, limit),
        labelled=device.metric == "top-1",
        device=device.answers,
        reference=reference.answers,
        reference_name=name,
        readings=None if device.reading is None or reference.reading is None else (device.reading, reference.reading),
        metric=device.metric,
        scores=device.scores,
        reference_scores=reference.scores,
        labels=np.array([-1 if f.label is None else f.label for _, f in frames]) if classes else None,
        change=change,
    )
