"""What a run will do, worked out before a device is touched: its passes, their models, frames and files."""

from __future__ import annotations

import functools
import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from farm.assess.gather import Room
from farm.compare.isolated import FED_BY
from farm.errors import ModelError
from farm.model.instrument import instrument, layers_bytes
from farm.model.isolate import Isolated, feed_file, isolate
from farm.reference import preprocess, wav
from farm.run import preflight
from farm.run.stage import Blob

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path
    from typing import Any

    import numpy as np

    from farm.capture.recording import PassName, Recording
    from farm.model.graph import Graph
    from farm.store.artifacts import ArtifactStore
    from farm.submission import InputFrame, Submission

    Progress = Callable[[str, int, int], None]
    Frames = list[tuple[int, InputFrame]]

MIB = 1 << 20
MESSAGE_BYTES = 64
"""Of a small message of a capture, chunk and index included: a frame, an op's time, a tensor's statistics."""
CAPTURE_SLACK = 1.1
KINDS = {"image": "rgb", "audio": "pcm", "text": "text", "tensor": "tensor"}
"""The agent's word for a kind of frames."""


@dataclass(frozen=True)
class Row:
    """One line of the agent's frame list."""

    frame: int
    position: int
    kind: str
    blob: Blob
    name: str


@dataclass(frozen=True)
class Step:
    """One pass."""

    name: PassName
    model: Blob
    rows: tuple[Row, ...]
    room: int
    """Bytes its capture may take on the device."""
    flags: tuple[str, ...] = ()
    """The agent's, that only this pass has."""
    labels: tuple[tuple[str, str], ...] = ()
    """Into the capture's header."""
    files: tuple[Blob, ...] = ()
    """What `flags` name."""

    def blobs(self) -> list[Blob]:
        """Every file the step needs."""
        return [self.model, *self.files, *(row.blob for row in self.rows)]


@dataclass
class Plan:
    """All steps of a run, and what was left out of it, by pass, with the reason."""

    steps: list[Step] = field(default_factory=list)
    left_out: dict[PassName, str] = field(default_factory=dict)

    def blobs(self) -> list[Blob]:
        """Every file the steps need, each once."""
        return list({blob.sha256: blob for step in self.steps for blob in step.blobs()}.values())


def spread(submission: Submission, count: int) -> Frames:
    """`count` frames, evenly spread: inputs sorted by name are often sorted by class."""
    count = min(count, len(submission.frames))
    picked = sorted({round(i * (len(submission.frames) - 1) / max(1, count - 1)) for i in range(count)})
    return [(i, submission.frames[i]) for i in picked]


class Planner:
    """Makes a Plan. Running the reference that feeds the isolated pass is the only slow part, and is cached.

    Raises:
        JobError: model or inputs are wrong, as `preflight.check` says too.
    """

    def __init__(
        self, submission: Submission, graph: Graph, artifacts: ArtifactStore, cache: Path, progress: Progress
    ) -> None:
        self.submission = submission
        self.graph = graph
        self.artifacts = artifacts
        self.progress = progress
        self.model = artifacts.read(submission.model_sha256)
        self.room = Room(submission, artifacts, cache, progress)
        self.layers = spread(submission, submission.layer_frames)

    def plan(self) -> Plan:
        """All passes asked for, in the order they run: those that measure first, on a device that is still cool."""
        plan = Plan()
        inputs = self._inputs()
        makers: dict[PassName, Callable[[dict[int, list[Blob]]], Step | None]] = {
            "latency": self._latency,
            "profile": self._profile,
            "layers": self._layers,
            "isolated": self._isolated,
        }
        for name, make in makers.items():
            if name not in self.submission.passes:
                continue
            try:
                step = make(inputs)
            except ModelError as e:
                if name == "latency":
                    raise
                plan.left_out[name] = str(e)
                continue
            if step is not None:
                plan.steps.append(step)
        return plan

    def _inputs(self) -> dict[int, list[Blob]]:
        """Each frame's inputs as the agent reads them. Their bytes are made again when they are pushed, not kept."""
        found = {}
        self.progress("decode", 0, len(self.submission.frames))
        for i, frame in enumerate(self.submission.frames):
            found[i] = _blobs(frame, self.graph, self.artifacts)
            self.progress("decode", i + 1, len(self.submission.frames))
        return found

    def _latency(self, inputs: dict[int, list[Blob]]) -> Step:
        frames = list(enumerate(self.submission.frames))
        outputs = sum(self.graph.tensors[t].nbytes for t in self.graph.outputs)
        invocations = len(frames) * self.submission.repetitions
        room = int(CAPTURE_SLACK * len(frames) * outputs) + 3 * MESSAGE_BYTES * invocations
        return self._fed_frames("latency", self._plain(), _rows(frames, inputs), room)

    def _profile(self, inputs: dict[int, list[Blob]]) -> Step | None:
        frames = spread(self.submission, self.submission.profile_frames)
        room = MESSAGE_BYTES * len(frames) * (2 + 2 * len(self.graph.nodes))
        return self._fed_frames("profile", self._plain(), _rows(frames, inputs), room) if frames else None

    def _layers(self, inputs: dict[int, list[Blob]]) -> Step | None:
        if not self.layers:
            return None
        full = {i for i, _ in self.layers}
        others = [(i, f) for i, f in spread(self.submission, self.submission.statistics_frames) if i not in full]
        budget = self.submission.layer_budget_mb * MIB
        room = int(CAPTURE_SLACK * min(budget, len(full) * layers_bytes(self.graph)))
        room += 3 * MESSAGE_BYTES * (len(full) + len(others)) * (1 + len(self.graph.nodes))
        sha256 = self.artifacts.put(instrument(self.model, self.submission.model_name))
        flags = ("--full-frames", str(len(full)), "--byte-budget", str(budget))
        model = Blob.of_file(self.artifacts.path(sha256), sha256)
        return self._fed_frames("layers", model, _rows([*self.layers, *others], inputs), room, flags)

    def _isolated(self, _: dict[int, list[Blob]]) -> Step | None:
        frames = self.layers[: self.submission.isolated_frames]
        if not frames or not self.submission.references:
            return None
        # All layer frames, though few are fed: the comparison asks for the same recording, and it is cached.
        feeder = self.room.feeds_isolated()
        reference = self.room.every_tensor(feeder, tuple(self.layers))
        shapes = {spec.tensor: spec.shape for spec in reference.specs}
        isolated = isolate(self.model, self.submission.model_name, shapes)
        rows = [row for index, frame in frames for row in self._fed(isolated, reference, index, frame.name)]
        outputs = layers_bytes(self.graph)
        sha256 = self.artifacts.put(isolated.model)
        model = Blob.of_file(self.artifacts.path(sha256), sha256)
        labels = ((FED_BY, feeder),)
        return Step("isolated", model, tuple(rows), int(CAPTURE_SLACK * len(frames) * outputs), labels=labels)

    def _fed(self, isolated: Isolated, reference: Recording, index: int, name: str) -> list[Row]:
        make = functools.partial(_feed, isolated, reference, self.artifacts, index)
        _, offsets = make()
        blob = _blob(lambda: make()[0])
        return [Row(index, position, f"tensor@{offset}", blob, name) for position, offset in enumerate(offsets)]

    def _fed_frames(
        self, name: PassName, model: Blob, rows: tuple[Row, ...], room: int, flags: tuple[str, ...] = ()
    ) -> Step:
        """A step that pre-processes its frames: texts need their vocabulary there."""
        recipe = self.submission.recipe.recipe if self.submission.recipe is not None else None
        if recipe is None or recipe.text is None:
            return Step(name, model, rows, room, flags)
        vocabulary = self._stored(recipe.text.vocabulary)
        return Step(name, model, rows, room, (*flags, "--vocabulary", vocabulary.remote), files=(vocabulary,))

    def _plain(self) -> Blob:
        return self._stored(self.submission.model_sha256)

    def _stored(self, sha256: str) -> Blob:
        return Blob.of_file(self.artifacts.path(sha256), sha256)


def _feed(
    isolated: Isolated, reference: Recording, artifacts: ArtifactStore, index: int
) -> tuple[bytes, tuple[int, ...]]:
    return feed_file(isolated, reference.tensors(artifacts, index))


def _rows(frames: Sequence[tuple[int, InputFrame]], inputs: dict[int, list[Blob]]) -> tuple[Row, ...]:
    return tuple(
        Row(index, position, KINDS[frame.kind], blob, frame.name)
        for index, frame in frames
        for position, blob in enumerate(inputs[index])
    )


def _blobs(frame: InputFrame, graph: Graph, artifacts: ArtifactStore) -> list[Blob]:
    """Each of a frame's inputs, as the agent reads them."""
    if frame.kind == "image":
        return [_blob(lambda: _ppm(preprocess.decode(artifacts.read(frame.sha256[0]), frame.name)))]
    if frame.kind == "audio":
        return [_blob(lambda: wav.encode(wav.decode(artifacts.read(frame.sha256[0]), frame.name)))]
    if frame.kind == "text":  # one file for all inputs: ids, mask and segments are of the same text
        (sha256,) = frame.sha256
        return [Blob.of_file(artifacts.path(sha256), sha256)] * len(graph.inputs)

    def tensor(index: int) -> bytes:
        return preflight.reader(frame, graph, artifacts).inputs(None)[index].tobytes()

    return [_blob(functools.partial(tensor, index)) for index in graph.inputs]


def _blob(make: Callable[[], bytes]) -> Blob:
    content = make()

    def parts() -> Iterable[bytes]:
        yield make()

    return Blob(hashlib.sha256(content).hexdigest(), len(content), parts)


def _ppm(rgb: np.ndarray[Any, Any]) -> bytes:
    return b"P6\n%d %d\n255\n" % (rgb.shape[1], rgb.shape[0]) + rgb.tobytes()
