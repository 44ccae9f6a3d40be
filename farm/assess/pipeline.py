"""One side of a comparison as a user's assertion sees it: everything that was logged of it, typed, read when asked for.

`def assert_...(edge, ref)` gets two of these: the device's, and the first reference's (docs/assertions.md).
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from farm.capture.recording import dequantize
from farm.compare.latency import layer_times, type_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from farm.capture.recording import Conditions, Recording, TensorSpec
    from farm.capture.rows import SampleRow, TensorStatistics
    from farm.model.graph import Graph
    from farm.model.recipe import Recipe
    from farm.store.artifacts import ArtifactStore
    from farm.submission import InputFrame, Submission

    Array = np.ndarray[Any, Any]

MIB = 1 << 20


@dataclass(frozen=True)
class Pipeline:
    """What one target logged. Values are real numbers (float64, dequantized) in the tensor's own shape, unless `raw`."""

    name: str
    """`device:SERIAL`, `litert-ref`, ..."""
    submission: Submission
    graph: Graph
    artifacts: ArtifactStore
    recordings: dict[str, Recording]
    """By pass: `latency` has every frame's outputs, `layers` every layer of some frames."""

    @property
    def recipe(self) -> Recipe | None:
        """What it did to the frames; None for raw tensors."""
        use = self.submission.recipe if self.name.startswith("device:") else None
        use = use or self.submission.expected or self.submission.recipe
        return None if use is None else use.recipe

    @functools.cached_property
    def frames(self) -> tuple[int, ...]:
        """Frames whose outputs were logged, in order."""
        return tuple(sorted({*self._frames("latency"), *self._frames("layers")}))

    @functools.cached_property
    def layer_frames(self) -> tuple[int, ...]:
        """Frames whose inputs and layers were logged in full."""
        return tuple(sorted(self._frames("layers")))

    @functools.cached_property
    def layers(self) -> tuple[str, ...]:
        """Names of the layers logged, in the order they run."""
        specs = self._specs("layers")
        made = dict.fromkeys(t for node in self.graph.nodes for t in node.outputs if t in specs)
        return tuple(specs[t].name for t in made)

    def frame(self, frame: int) -> InputFrame:
        """The submitted frame: its name, label and what else is true of it."""
        return self.submission.frames[frame]

    def label(self, frame: int) -> int | None:
        """Its class, where it has a label."""
        return self.submission.frames[frame].label

    def input(self, frame: int | None = None, position: int = 0) -> Array:
        """A model input as it was fed; of the first frame logged where none is named.

        Raises:
            KeyError: it was not logged.
        """
        return self._value(self._first(frame), self.graph.inputs[position], ("layers",))

    def output(self, frame: int | None = None, position: int = 0) -> Array:
        """A model output. Errors as in `input`."""
        frame = self.frames[0] if frame is None else frame
        return self._value(frame, self.graph.outputs[position], ("latency", "layers"))

    def layer(self, name: str, frame: int | None = None) -> Array:
        """A layer's output, by the tensor's name. Errors as in `input`."""
        return self._value(self._first(frame), self._named(name), ("layers",))

    def raw(self, name: str, frame: int | None = None) -> Array:
        """A tensor as it was logged, not dequantized. Errors as in `input`."""
        return self._logged(self._first(frame), self._named(name), ("layers", "latency"))[0]

    def spec(self, name: str) -> TensorSpec:
        """A logged tensor's type, shape, scale and zero point. Errors as in `input`."""
        index = self._named(name)
        return (self._specs("layers") | self._specs("latency"))[index]

    def inputs(self, position: int = 0) -> Iterator[tuple[int, Array]]:
        """(frame, input) of each frame logged in full, one in memory at a time."""
        for frame in self.layer_frames:
            yield frame, self.input(frame, position)

    def outputs(self, position: int = 0) -> Iterator[tuple[int, Array]]:
        """(frame, output) of each frame, one in memory at a time."""
        for frame in self.frames:
            yield frame, self.output(frame, position)

    @functools.cached_property
    def top1(self) -> dict[int, int]:
        """Frame to the best class of the first output."""
        return {frame: int(np.nan_to_num(value, nan=-np.inf).argmax()) for frame, value in self.outputs()}

    @functools.cached_property
    def latency_ms(self) -> Array:
        """[n]: of each measured invocation."""
        return np.array([t.invoke_ns for t in self._times()]) / 1e6

    @functools.cached_property
    def preprocess_ms(self) -> Array:
        """[n]: of each measured invocation's pre-processing."""
        return np.array([t.preprocess_ns for t in self._times()]) / 1e6

    @functools.cached_property
    def layer_ms(self) -> dict[str, float]:
        """Layer to its time, as deployed (`profile`) where that was taken, else of the instrumented model."""
        return {self.graph.tensors[self.graph.nodes[n].outputs[0]].name: us / 1e3 for n, us in self._node_us.items()}

    @functools.cached_property
    def type_ms(self) -> dict[str, float]:
        """Type of layer (`Conv`, `D-Conv`, ...) to the sum of its layers' times."""
        found: dict[str, float] = {}
        for node, us in self._node_us.items():
            name = type_name(self.graph, node)
            found[name] = found.get(name, 0.0) + us / 1e3
        return found

    @property
    def memory_mb(self) -> float | None:
        """Peak resident memory of the `latency` pass, MiB; None when it was not told."""
        recording = self.recordings.get("latency")
        return recording.peak_rss_bytes / MIB if recording is not None and recording.peak_rss_bytes else None

    @functools.cached_property
    def samples(self) -> tuple[SampleRow, ...]:
        """What the sampler read in the `latency` pass: power, clocks, temperatures, load."""
        recording = self.recordings.get("latency")
        return () if recording is None else tuple(recording.sample_rows(self.artifacts))

    @property
    def conditions(self) -> tuple[Conditions, ...]:
        """Clocks and heat before and after the `latency` pass."""
        recording = self.recordings.get("latency")
        return () if recording is None else recording.conditions

    @functools.cached_property
    def statistics(self) -> tuple[TensorStatistics, ...]:
        """Of the layers of frames that were not logged in full."""
        recording = self.recordings.get("layers")
        return () if recording is None else tuple(recording.tensor_statistics(self.artifacts))

    @functools.cached_property
    def _node_us(self) -> dict[int, float]:
        for name in ("profile", "layers"):
            recording = self.recordings.get(name)
            if recording is not None and recording.ops:
                return layer_times(recording, self.graph, self.artifacts)
        return {}

    def _times(self) -> list[Any]:
        recording = self.recordings.get("latency")
        return [] if recording is None else recording.frame_times(self.artifacts)

    def _frames(self, name: str) -> tuple[int, ...]:
        recording = self.recordings.get(name)
        return () if recording is None else tuple(recording.frames)

    def _specs(self, name: str) -> dict[int, TensorSpec]:
        recording = self.recordings.get(name)
        return {} if recording is None else recording.by_tensor

    def _first(self, frame: int | None) -> int:
        if frame is not None:
            return frame
        if not self.layer_frames:
            raise KeyError(f"{self.name} logged no layers")
        return self.layer_frames[0]

    def _named(self, name: str) -> int:
        known = {s.name: t for t, s in (self._specs("latency") | self._specs("layers")).items()}
        if name not in known:
            raise KeyError(f"{self.name} logged no tensor {name!r}")
        return known[name]

    def _value(self, frame: int, tensor: int, passes: tuple[str, ...]) -> Array:
        return dequantize(*self._logged(frame, tensor, passes))

    def _logged(self, frame: int, tensor: int, passes: tuple[str, ...]) -> tuple[Array, TensorSpec]:
        for name in passes:
            recording = self.recordings.get(name)
            if recording is not None and frame in recording.frames:
                values = self._tensors(name, frame)
                if tensor in values:
                    return values[tensor], recording.by_tensor[tensor]
        raise KeyError(f"{self.name} did not log {self.graph.tensors[tensor].name!r} of frame {frame}")

    @functools.lru_cache(maxsize=4)  # noqa: B019  # as long as the process, which is one file's
    def _tensors(self, name: str, frame: int) -> dict[int, Array]:
        return self.recordings[name].tensors(self.artifacts, frame)

    def __hash__(self) -> int:
        return id(self)
