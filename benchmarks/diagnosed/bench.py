"""A device with planted bugs: LiteRT, fed by the planter. What it logs goes the way of any device's log."""

from __future__ import annotations

import hashlib
import warnings
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from farm.assess.assess import Assessment, assess
from farm.assess.gather import Room, gather
from farm.capture.recording import Header, Recording, RecordingWriter, TensorSpec
from farm.capture.recording import load as load_recording
from farm.capture.rows import FrameTime
from farm.compare.isolated import FED_BY
from farm.model.instrument import exposed
from farm.model.isolate import isolate
from farm.submission import FloatTwin, RecipeUse, Submission

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from benchmarks.diagnosed.subject import Subject
    from benchmarks.planted.bug import Array, Bug
    from farm.report.explanation import Explanation
    from farm.store.artifacts import ArtifactStore

LAYER_FRAMES = 8
ISOLATED_FRAMES = 2


@dataclass(frozen=True)
class Diagnosis:
    """What the farm says of one device."""

    assessment: Assessment
    explanation: Explanation | None


@dataclass(frozen=True)
class Bench:
    """One model's devices."""

    subject: Subject
    artifacts: ArtifactStore
    cache: Path

    @property
    def logged(self) -> tuple[int, ...]:
        """Frames whose inputs are logged, spread evenly."""
        n = len(self.subject.frames)
        return tuple(sorted({int(i) for i in np.linspace(0, n - 1, min(n, LAYER_FRAMES)).round()}))

    def diagnose(
        self,
        bugs: Sequence[Bug],
        *,
        model: bytes | None = None,
        outputs: Callable[[Array], Array] = lambda v: v,
        instead: int | None = None,
        whole: bool = False,
        submitted: Subject | None = None,
        float_twin: bytes | None = None,
    ) -> Diagnosis:
        """A device with these bugs, on what it runs in truth (`model`), its answers changed by `outputs`,
        or another tensor than the output (`instead`) taken for it.

        `whole` logs every layer, and each by itself; else only what goes in and out. `submitted` is what the user gave, where
        it is not the truth.
        """
        told = submitted or self.subject
        s = replace(self.subject, model=model or self.subject.model)
        latency = self._record(s, bugs, range(len(s.frames)), "latency", outputs, instead, whole=False)
        layers = self._record(s, bugs, self.logged, "layers", outputs, instead, whole=whole)
        use = RecipeUse(recipe=told.recipe, origin="benchmark")
        submission = Submission(
            model_name=f"{told.name}.tflite",
            model_sha256=self.artifacts.put(told.model),
            frames=told.frames,
            recipe=use,
            expected=use,
            float_twin=None
            if float_twin is None
            else FloatTwin(model_name="float.tflite", model_sha256=self.artifacts.put(float_twin)),
        )
        room = Room(submission, self.artifacts, self.cache, None)
        isolated = self._isolated(s, room) if whole else None
        evidence = gather(room, latency, layers, isolated)
        return Diagnosis(assess(evidence), evidence.explanation)

    def _record(
        self,
        s: Subject,
        bugs: Sequence[Bug],
        frames: Sequence[int],
        name: Any,
        outputs: Callable[[Array], Array],
        instead: int | None,
        *,
        whole: bool,
    ) -> Recording:
        from ai_edge_litert.interpreter import Interpreter

        graph, layers = s.graph, name == "layers"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            keep = whole or instead is not None
            runtime = Interpreter(model_content=s.model, num_threads=1, experimental_preserve_all_tensors=keep)
        first = True
        writer = RecordingWriter(self.artifacts, self._header(name))
        wanted = list(
            dict.fromkeys([*(graph.inputs if layers else ()), *(exposed(graph) if whole else ()), *graph.outputs])
        )
        for frame in frames:
            made = s.feed(s.raw[frame], s.pipeline, bugs)
            fed = dict(zip(graph.inputs, made if len(graph.inputs) > 1 else (made,), strict=True))
            if first:
                for t, value in fed.items():
                    runtime.resize_tensor_input(t, value.shape)
                runtime.allocate_tensors()
            for t, value in fed.items():
                runtime.set_tensor(t, value)
            runtime.invoke()
            values: dict[int, Array] = {}
            for t in wanted:
                try:
                    values[t] = fed[t] if t in fed else runtime.get_tensor(t)
                except ValueError:
                    continue  # a tensor that never had memory
            # What is read of a detector's answer first are its boxes, wherever the converter put them.
            last = graph.outputs[s.recipe.detection.boxes if s.recipe.detection is not None else 0]
            values[last] = outputs(values[last] if instead is None else runtime.get_tensor(instead))
            if first:
                for position, (t, value) in enumerate(values.items()):
                    writer.spec(_spec(s, t, value, position))
                first = False
            writer.frame(frame, values)
            writer.time(
                FrameTime(index=frame, repetition=0, name=s.frames[frame].name, preprocess_ns=0, invoke_ns=1_000_000)
            )
        return load_recording(self.artifacts, writer.close())

    def _isolated(self, s: Subject, room: Room) -> Recording:
        """What the device's pass over single layers logs, each fed what the reference computed."""
        from ai_edge_litert.interpreter import Interpreter

        made = isolate(s.model)
        runtime = Interpreter(model_content=made.model, num_threads=1)
        runtime.allocate_tensors()
        name = room.feeds_isolated()
        frames = tuple((f, room.submission.frames[f]) for f in self.logged[:ISOLATED_FRAMES])
        reference = room.every_tensor(name, frames)
        writer = RecordingWriter(self.artifacts, self._header("isolated", {FED_BY: name}))
        for frame in reference.frames:
            values = reference.tensors(self.artifacts, frame)
            for detail, tensor in zip(runtime.get_input_details(), made.feeds, strict=True):
                runtime.set_tensor(detail["index"], values[tensor].reshape(detail["shape"]))
            runtime.invoke()
            found = {int(d["index"]): runtime.get_tensor(d["index"]) for d in runtime.get_output_details()}
            for position, (t, value) in enumerate(found.items()):
                writer.spec(_spec(s, t, value, position))
            writer.frame(frame, found)
        return load_recording(self.artifacts, writer.close())

    def _header(self, name: Any, labels: dict[str, str] | None = None) -> Header:
        return Header(
            pass_=name,
            source="device:planted",
            source_version="virtual",
            model_sha256=hashlib.sha256(self.subject.model).hexdigest(),
            kernel="delegate",
            threads=1,
            labels=labels or {},
        )


def _spec(s: Subject, index: int, value: Array, position: int) -> TensorSpec:
    tensor = s.graph.tensors[index]
    return TensorSpec(
        tensor=index,
        name=tensor.name,
        role="input" if index in s.graph.inputs else "output",
        position=position,
        dtype=value.dtype.name,
        shape=value.shape,
        scale=tensor.scale,
        zero_point=tensor.zero_point,
        axis=tensor.axis,
    )
