"""Climbing the ladder: the same frames on every rung, each compared with the one above.

    unconverted -> float reference -> float optimized -> quantized reference -> quantized optimized -> device

Layers are compared on the device's layer frames, answers on all frames where the rung can afford them. Rungs that cannot be
climbed say why. docs/diagnosis.md has the figures and their limits.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from farm.assess.alone import alone
from farm.assess.climb import CONVERTED_LIMIT, DEVICE, UNCONVERTED, Climb, Other, Scored, Step
from farm.assess.floattwin import Twin
from farm.assess.told import Told, agree, told
from farm.compare import rung
from farm.compare.isolated import fed_by
from farm.compare.layers import CEILING, INPUT_LIMIT, is_quantized, own_limit, threshold
from farm.compare.twin import values
from farm.errors import JobError, ModelError
from farm.reference.cost import affordable
from farm.reference.library import installed_sha256

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from farm.assess.gather import Frames, Room
    from farm.capture.recording import Recording
    from farm.compare.rung import Errors
    from farm.compare.twin import Alignment
    from farm.model.graph import Graph
    from farm.model.recipe import Recipe

    Array = np.ndarray[Any, Any]
    Tensors = Callable[[int], Mapping[int, Array]]

FAST, SLOW, BUILTIN = "litert", "litert-ref", "litert-builtin"
SAME_KERNELS = {"delegate": FAST, "builtin": BUILTIN, "reference": BUILTIN}
"""LiteRT 2.3 gives the same bits for its kernel modes `reference` and `builtin`."""
TOO_SLOW = "reference kernels would take too long for this model"


@dataclass(frozen=True)
class Device:
    """What the device logged, and against what it was judged."""

    latency: Recording
    layers: Recording | None
    isolated: Recording | None
    references: tuple[Recording, ...]
    limit: float
    """Of its layers' running error."""
    others: tuple[Recording, ...] = ()
    """`layers` recordings of the same model from elsewhere: other kernels, other devices, an earlier healthy run."""


@dataclass(frozen=True)
class _Model:
    """One file of the ladder."""

    word: str
    name: str
    sha256: str
    graph: Graph
    frames: Frames
    """Whose layers are compared."""
    timed: Frames
    """Whose answers are."""


@dataclass
class _Rung:
    """A step under construction."""

    step: Step
    told: Told | None = None
    layers: Recording | None = None


def climb(room: Room, recipe: Recipe | None, timed: Frames, device: Device, twin: Twin | JobError | None) -> Climb:
    """Every rung under `recipe`, which is taken to be right; `timed` are the frames of the latency pass.

    `twin` may be the error that kept it from being opened, which is then said.

    Raises:
        InfrastructureError, JobError: as the submitted model's own references raise them.
    """
    return _Climber(room, recipe, timed, device, twin).climb()


class _Climber:
    def __init__(
        self, room: Room, recipe: Recipe | None, timed: Frames, device: Device, twin: Twin | JobError | None
    ) -> None:
        self.twin = twin
        self.room, self.recipe, self.timed, self.device = room, recipe, timed, device
        self.artifacts, self.graph = room.artifacts, room.graph
        layers = device.layers
        self.layered: Frames = room.frames(layers) if layers is not None and layers.frames else ()
        self.unsaid: list[str] = []
        self.alignment: Alignment | None = twin.alignment if isinstance(twin, Twin) else None
        submission, word = room.submission, "quantized" if is_quantized(room.graph) or twin is not None else "float"
        self.own = _Model(word, submission.model_name, submission.model_sha256, room.graph, self.layered, timed)

    def climb(self) -> Climb:
        own, quantized = self.own, is_quantized(self.graph)
        rungs = [r for r in (self._unconverted(),) if r is not None]
        ranges = None
        if isinstance(self.twin, Twin):
            t = self.twin
            frames, timed = (t.frames(f, self.artifacts) for f in (own.frames, own.timed))
            rungs += self._kernels(_Model("float", t.name, t.sha256, t.graph, frames, timed), rungs)
        elif self.twin is not None:
            rungs.append(_Rung(Step("float reference", "float twin", missing=str(self.twin))))
        elif quantized and not rungs:
            self.unsaid.append(
                "what quantizing changed, and whether the calibration was right: give the float model, --float"
            )
        whole = tuple(i for i, _ in self.timed)
        top = next((r for r in rungs if r.told is not None and r.told.frames == whole), None)
        above = next((r for r in rungs[::-1] if r.layers is not None), None) if own.word == "quantized" else None
        first = next((r for r in rungs if r.layers is not None and r.step.name == "float reference"), above)
        made = self._kernels(own, rungs)
        if first is not None:
            made[0], ranges = self._quantizing(made[0], first)
        rungs += made
        rungs.append(self._device(made))
        self._say(rungs, quantized=quantized)
        below = rungs[-1]
        return Climb(
            steps=tuple(r.step for r in rungs),
            metric=next((r.told.metric for r in rungs if r.told is not None), ""),
            alignment=self.alignment,
            ranges=ranges,
            same_code=bool(installed_sha256()) and self.device.latency.header.runtime_sha256 == installed_sha256(),
            top=self._scored(top, below),
            device=self._scored(below, top or below),
            others=self._others(made),
            outputs=frozenset(self.graph.outputs),
            unsaid=tuple(self.unsaid),
        )

    def _scored(self, found: _Rung | None, other: _Rung) -> Scored | None:
        """A rung's scores over all frames; where nothing is known to be true, its agreement with another one."""
        if found is None or found.told is None or other.told is None:
            return None
        frames = [i for i, _ in self.timed]
        if found.told.frames != tuple(frames) or other.told.frames != tuple(frames):
            return None
        scores = found.told.scores
        if scores is None:  # then the top is what is right
            device = found.step.name == DEVICE
            scores = agree(found.told, other.told, frames, self.artifacts, CEILING) if device else np.ones(len(frames))
        return Scored(found.step.target, scores.astype(np.float64))

    def _others(self, made: list[_Rung]) -> tuple[Other, ...]:
        """Which of the other recordings compute what this computer does."""
        found = []
        for recording in self.device.others:
            header, same = recording.header, made[-1].layers
            frames = sorted(recording.frames.keys() & same.frames.keys()) if same is not None else []
            if not frames or same is None:
                continue
            ours, theirs = (rung.logged(r, self.artifacts) for r in (recording, same))
            errors = rung.errors(frames, ours, theirs, self.graph)
            used = header.accelerator_used or header.accelerator or "cpu"
            healthy = not errors.over(self.device.limit, inputs=True)
            found.append(Other(header.source, header.kernel, used, header.runtime_sha256, healthy))
        return tuple(found)

    # The rungs.

    def _unconverted(self) -> _Rung | None:
        """The model before it was converted, where a reference of the submission runs it."""
        name = self.room.unconverted()
        if not name:
            return None
        layers = self.room.record(name, self.layered, (self.recipe,), f"layers of {name}", layers=True)[0]
        outputs = self.room.record(name, self.timed, (self.recipe,), f"reference {name}", layers=False)[0]
        step = Step(UNCONVERTED, f"{name} {outputs.header.source_version}".strip())
        return self._told(_Rung(step, layers=layers if self.layered else None), outputs, self.own, None)

    def _kernels(self, model: _Model, above: list[_Rung]) -> list[_Rung]:
        """A model on reference kernels, then on optimized ones."""
        last = above[-1] if above else None
        slow = _Rung(Step(f"{model.word} reference", f"{SLOW}, {model.name}"))
        if affordable(model.graph, len(model.frames)):
            every = affordable(model.graph, len(model.timed))
            answered = self._run(slow, SLOW, model, answers=every)
            # What quantizing changed is no fault of the converter's.
            plain = model.word == "float"
            if plain and last is not None and last.step.name == UNCONVERTED and last.layers and slow.layers:
                running = self._converted(slow.layers, last.layers)
                slow.step = replace(slow.step, against=UNCONVERTED, running=running, limit=CONVERTED_LIMIT)
            slow = self._told(slow, answered, model, last)
        else:
            slow.step = replace(slow.step, missing=TOO_SLOW)
        fast = _Rung(Step(f"{model.word} optimized", f"{FAST}, {model.name}"))
        fast = self._told(fast, self._run(fast, FAST, model, answers=True), model, slow)
        return [slow, self._optimized(fast, slow, model)]

    def _run(self, found: _Rung, runtime: str, model: _Model, *, answers: bool) -> Recording | None:
        """The rung's layers, and its answers to all frames, or else to those whose layers are known.

        Kernels that do not know an operator are said, and the ladder goes on without them.
        """
        try:
            if model.frames:
                found.layers = self._record(runtime, model, model.frames, layers=True)
            return self._record(runtime, model, model.timed, layers=False) if answers else found.layers
        except ModelError as e:
            found.step = replace(found.step, missing=str(e).splitlines()[0])
            return None

    def _optimized(self, fast: _Rung, slow: _Rung, model: _Model) -> _Rung:
        if slow.layers is None or fast.layers is None:
            return fast
        indices = [i for i, _ in model.frames]
        ours, theirs = (rung.logged(r, self.artifacts) for r in (fast.layers, slow.layers))
        isolated = self._alone(FAST, model, indices, theirs)
        fast.step = replace(
            fast.step,
            against=slow.step.name,
            running=rung.errors(indices, ours, theirs, model.graph),
            isolated=None
            if isolated is None
            else rung.errors(isolated.frames, rung.logged(isolated, self.artifacts), theirs, model.graph),
            limit=threshold(model.graph),
            own_limit=own_limit(model.graph),
        )
        return fast

    def _converted(self, mine: Recording, unconverted: Recording) -> Errors:
        """The converted model against the unconverted one, tensor by tensor as far as both have them; inputs are the same."""
        frames = sorted(mine.frames.keys() & unconverted.frames.keys())
        inputs = frozenset(self.graph.inputs)
        ours, theirs = (rung.logged(r, self.artifacts) for r in (mine, unconverted))
        return rung.twin_errors(
            frames, ours, lambda f: {t: v for t, v in theirs(f).items() if t not in inputs}, self.graph
        )

    def _quantizing(self, slow: _Rung, above: _Rung) -> tuple[_Rung, rung.Ranges | None]:
        """The quantized model against the float one, and what its ranges do to the float values."""
        floats, indices = above.layers, [i for i, _ in self.layered]
        if floats is None or not indices:
            return slow, None
        pairs = self.alignment.pairs if self.alignment is not None and above.step.name != UNCONVERTED else None

        def theirs(frame: int) -> dict[int, Array]:
            tensors = floats.tensors(self.artifacts, frame)
            if pairs is not None:
                return values(pairs, tensors)
            # The unconverted model has this one's indices; its inputs are told as this one stores them.
            return {t: v for t, v in tensors.items() if t not in self.graph.inputs and v.dtype.kind == "f"}

        found = rung.ranges(indices, theirs, self.graph)
        if slow.layers is None:
            return slow, found
        ours = rung.logged(slow.layers, self.artifacts)

        def fed(frame: int) -> dict[int, Array]:
            own = dict(ours(frame))
            for tensor, value in theirs(frame).items():
                if tensor in own and own[tensor].size == value.size:
                    own[tensor] = rung.quantized(value.reshape(own[tensor].shape), self.graph.tensors[tensor])
            return own

        isolated = self._alone(SLOW, self.own, indices, fed)
        slow.step = replace(
            slow.step,
            against=above.step.name,
            running=rung.twin_errors(indices, ours, theirs, self.graph),
            isolated=None
            if isolated is None
            else rung.twin_errors(isolated.frames, rung.logged(isolated, self.artifacts), theirs, self.graph),
            limit=0.0,
        )
        if slow.told is not None and above.told is not None:
            slow.step = replace(slow.step, **self._agreement(slow.told, above.told, CEILING))
        return slow, found

    def _device(self, made: list[_Rung]) -> _Rung:
        """The device against this computer on the same kernels."""
        device, header = self.device, self.device.latency.header
        kernel = "XNNPACK" if header.kernel == "delegate" else header.kernel
        used = header.accelerator_used or header.accelerator or "cpu"
        below = _Rung(Step(DEVICE, f"{header.source}, {kernel}" + (f" on {used}" if used != "cpu" else "")))
        below = self._told(below, device.latency, self.own, made[-1])
        same, runtime = made[-1].layers, FAST
        if device.layers is None or same is None:
            return below
        wanted = SAME_KERNELS.get(header.kernel, FAST)
        against = made[-1].step.name
        if wanted == BUILTIN:
            same, runtime, against = (
                self._record(BUILTIN, self.own, self.layered, layers=True),
                BUILTIN,
                f"{BUILTIN} on this computer",
            )
        indices = [i for i, _ in self.layered]
        ours, theirs = (rung.logged(r, self.artifacts) for r in (device.layers, same))
        running = rung.errors(indices, ours, theirs, self.graph)
        below.step = replace(
            below.step,
            against=against,
            running=running,
            isolated=self._own(running, ours, runtime),
            limit=device.limit,
            own_limit=own_limit(self.graph),
        )
        return below

    def _own(self, running: Errors, ours: Tensors, runtime: str) -> Errors | None:
        """The device's operators by themselves: from its `isolated` pass, else against this computer's, fed with the same."""
        isolated = self.device.isolated
        if isolated is not None:
            for i, reference in enumerate(self.device.references):
                frames = sorted(isolated.frames.keys() & reference.frames.keys())
                if fed_by(isolated, reference, default=i == 0) and frames:
                    return rung.errors(
                        frames,
                        rung.logged(isolated, self.artifacts),
                        rung.logged(reference, self.artifacts),
                        self.graph,
                    )
        comes_in = any(running.layers[i].node < 0 for i in running.over(INPUT_LIMIT, inputs=True))
        if comes_in or not running.over(self.device.limit):
            return None
        made = self._alone(runtime, self.own, [i for i, _ in self.layered], ours)
        return None if made is None else rung.errors(made.frames, ours, rung.logged(made, self.artifacts), self.graph)

    # What they have in common.

    def _record(self, runtime: str, model: _Model, frames: Frames, *, layers: bool) -> Recording:
        stage = f"{model.word} model on {runtime}"
        return self.room.record(runtime, frames, (self.recipe,), stage, layers=layers, model_sha256=model.sha256)[0]

    def _alone(self, runtime: str, model: _Model, frames: list[int], tensors: Tensors) -> Recording | None:
        few = frames[: self.room.submission.isolated_frames]
        if not few:
            return None
        try:
            return alone(self.room, runtime, (model.sha256, model.graph), few, tensors)
        except JobError as e:
            self.unsaid.append(f"which layers of {model.name} are wrong by themselves on {runtime}: {e.message}")
            return None

    def _told(self, found: _Rung, recording: Recording | None, model: _Model, above: _Rung | None) -> _Rung:
        if recording is None:
            return found
        try:
            found.told = told(recording, model.graph, self.artifacts, model.timed, self.recipe)
        except JobError as e:  # the float model has other classes
            found.step = replace(found.step, missing=str(e))
            return found
        scores = found.told.scores
        found.step = replace(
            found.step,
            answers=len(found.told.frames),
            score=float(scores.mean()) if scores is not None and len(scores) else None,
        )
        if above is not None and above.told is not None:
            limit = CEILING if model.graph is not above.told.graph else threshold(model.graph)
            found.step = replace(found.step, **self._agreement(found.told, above.told, limit))
        return found

    def _agreement(self, mine: Told, other: Told, limit: float) -> dict[str, Any]:
        both = sorted(set(mine.frames) & set(other.frames))
        same = agree(mine, other, both, self.artifacts, limit) if both else None
        return {"agreement": float(same.mean()) if same is not None else None}

    def _say(self, rungs: list[_Rung], *, quantized: bool) -> None:
        """What cannot be said, and what would be needed for it."""
        if not any(r.step.name == UNCONVERTED for r in rungs):
            self.unsaid.append(
                "what converting changed: give the unconverted model (--reference keras=FILE, savedmodel=, onnx=)"
            )
        if not self.layered:
            self.unsaid.append("at which layer an error enters: no layers were logged, --layer-frames 8")
        if all(r.told is None or r.told.scores is None for r in rungs):
            self.unsaid.append("which answers are right, and whether the labels are shifted: give --labels")
        found = self.alignment
        if found is not None and quantized and found.found < found.layers:
            self.unsaid.append(f"what quantizing did to layers that the float model does not have ({found.words()})")
        if found is not None and found.similarity is not None and found.similarity < FLOAT_TWIN:
            self.unsaid.append(
                f"how much of the error is quantizing alone: the float weights are others (correlation {found.similarity:.3f})"
            )


FLOAT_TWIN = 0.999
"""Correlation of the weights of a model and its float twin: 8 bits leave 0.99998, training on with quantization 0.998."""
