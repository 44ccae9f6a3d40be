"""What was logged before is the reference: an earlier capture of any device, as a file or of one of the farm's runs."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from farm.capture.ingest import record
from farm.capture.recording import dequantize, load
from farm.errors import BugError, CaptureError, InputsError, ModelError
from farm.reference.contract import Reference

if TYPE_CHECKING:
    from collections.abc import Mapping

    from farm.capture.recording import Recording, TensorSpec
    from farm.model.graph import Graph
    from farm.reference.contract import Means
    from farm.store.artifacts import ArtifactStore

    Array = np.ndarray[Any, Any]

FORMAT = "1"
"""Raise it when captures are read otherwise."""


class Recorded(Reference):
    """Frames are found by their names, tensors by index where the names agree, else by name, outputs also by position.

    What another quantization logged is dequantized; what the same did stays as it is.
    """

    name = "capture"
    kernel = "delegate"
    runs = "nothing: it was logged before"
    by_name = True
    wants = "a capture's file, a folder of them, or job:N or job:N/RUN of this lab"

    @classmethod
    def version(cls) -> str:
        """Of the way captures are read."""
        return FORMAT

    def __init__(self, model: bytes, graph: Graph, *, layers: bool, threads: int, means: Means | None = None) -> None:  # noqa: ARG002  # of those that run
        if means is None:
            raise BugError("was not told the capture", where=self.name)
        self._graph = graph
        self._artifacts = means.artifacts
        self._layers = layers
        order = ("layers", "latency") if layers else ("latency", "layers")
        self._sources = [
            _Logged(self._read(sha256, means), graph, means.artifacts)
            for name in order
            if (sha256 := means.source.captures.get(name))
        ]
        if not self._sources:
            raise InputsError(
                "holds neither outputs nor layers",
                where=means.source.name,
                remedy="give the capture of a `latency` or `layers` pass",
            )

    def _read(self, sha256: str, means: Means) -> Recording:
        try:
            made = record(means.artifacts.path(sha256), means.source.name, means.artifacts)
        except FileNotFoundError:
            made = None
        if made is None:
            raise CaptureError(
                "was removed, or cut off before its header was whole",
                where=means.source.name,
                remedy="give another capture",
            )
        return load(means.artifacts, made)

    @property
    def input_shapes(self) -> dict[int, tuple[int, ...]]:
        """See `Reference`."""
        return {i: tuple(max(1, d) for d in self._graph.tensors[i].shape) for i in self._graph.inputs}

    @property
    def notes(self) -> dict[str, str]:
        """See `Reference`."""
        first = self._sources[0]
        header = first.recording.header
        logged = f"{header.source_version} {header.kernel} {header.abi}".split()
        return {
            "frames matched": first.how,
            "tensors matched": f"{len(first.places)} of {len(first.recording.specs)}",
            "logged by": " ".join(logged),
        }

    def recorded(self, index: int, name: str) -> dict[int, Array] | None:
        """See `Reference`. Without `layers`, outputs alone."""
        for logged in self._sources:
            values = logged.frame(index, name)
            if values is None:
                continue
            kept = {i: v for i, v in values.items() if self._layers or i in self._graph.outputs}
            if kept:
                return kept
        if self._layers:
            return {}
        raise InputsError(
            f"the earlier capture has no output of {name}",
            where=self.name,
            remedy="take a capture of the same inputs, or leave this reference out",
        )

    def run(self, inputs: Mapping[int, Array]) -> dict[int, Array]:  # noqa: ARG002  # it does not
        """Nothing runs here."""
        raise BugError("a capture was asked to run", where=self.name)

    def invoke_ns(self, inputs: Mapping[int, Array]) -> int:  # noqa: ARG002  # it does not
        """Nothing runs here."""
        raise ModelError("cannot time operators", where=self.name, remedy="time them on litert or litert-ref")


class _Logged:
    """One recording, read by the submitted model's indices."""

    def __init__(self, recording: Recording, graph: Graph, artifacts: ArtifactStore) -> None:
        self.recording = recording
        self._artifacts = artifacts
        self._graph = graph
        times = recording.frame_times(artifacts)
        names = Counter(name for _, name in {(t.index, t.name) for t in times})  # repetitions are one frame
        self._by_name = {
            t.name: t.index for t in times if t.name and names[t.name] == 1 and t.index in recording.frames
        }
        self.how = "by name" if self._by_name else "by number"
        self.places = {s.tensor: place for s in recording.specs if (place := _place(s, graph)) is not None}

    def frame(self, index: int, name: str) -> dict[int, Array] | None:
        """A frame's tensors; None where it has no such frame."""
        own = self._by_name.get(name) if self._by_name else (index if index in self.recording.frames else None)
        if own is None:
            return None
        values = self.recording.tensors(self._artifacts, own)
        return {
            self.places[key]: _comparable(value, self.recording.by_tensor[key], self._graph, self.places[key])
            for key, value in values.items()
            if key in self.places
        }


def _place(spec: TensorSpec, graph: Graph) -> int | None:
    if 0 <= spec.tensor < len(graph.tensors) and graph.tensors[spec.tensor].name == spec.name:
        return spec.tensor
    named = [t.index for t in graph.tensors if t.name == spec.name and not t.constant]
    if len(named) == 1 and spec.name:
        return named[0]
    ports = graph.inputs if spec.role == "input" else graph.outputs
    return ports[spec.position] if spec.tensor < 0 and spec.position < len(ports) else None


def _comparable(value: Array, spec: TensorSpec, graph: Graph, index: int) -> Array:
    """As it is where it was stored as the submitted model stores it, else as real numbers."""
    tensor = graph.tensors[index]
    same = spec.dtype == tensor.dtype and np.allclose(spec.scale, tensor.scale) and spec.zero_point == tensor.zero_point
    if same:
        return value
    known = dequantize(value, spec) if spec.scale else value
    wanted = tensor.dtype if tensor.dtype.startswith("float") else "float32"
    return known.astype(wanted) if known.dtype.kind == "f" else known
