"""A capture, as the agent wrote it, into a recording. What was cut off is read up to its last whole chunk."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

import farm
from farm.capture import container as mcap
from farm.capture import exray_pb2 as pb
from farm.capture.container import Container
from farm.capture.elements import Elements
from farm.capture.messages import TensorData, read
from farm.capture.recording import GROUP_BYTES, Clock, Conditions, Header, RecordingWriter, Temperature, TensorSpec
from farm.capture.rows import FrameTime, MemorySample, OpTime, SampleRow, SensorRow, TensorStatistics
from farm.capture.types import DTYPES, MAX_RANK
from farm.errors import BugError, CaptureError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from google.protobuf.message import Message

    from farm.capture.container import Limits
    from farm.capture.recording import PassName
    from farm.store.artifacts import ArtifactStore

    Array = np.ndarray[Any, Any]

FORMAT = 1
OPEN_FRAMES = 1024
"""Of an app."""
LAYERS_BY_NAME = -(1 << 34)
"""Keys of layers without an index go down from here: below those of any position."""

PASSES: dict[int, PassName] = {
    pb.PASS_LATENCY: "latency",
    pb.PASS_LAYERS: "layers",
    pb.PASS_PROFILE: "profile",
    pb.PASS_ISOLATED: "isolated",
    pb.PASS_APP: "app",
}
_ROLES: dict[int, Literal["input", "output", "layer"]] = {
    pb.ROLE_INPUT: "input",
    pb.ROLE_OUTPUT: "output",
    pb.ROLE_LAYER: "layer",
}
_WHENS: dict[int, Literal["before", "after"]] = {pb.Conditions.BEFORE: "before", pb.Conditions.AFTER: "after"}
_PHASES = {
    pb.Sample.IDLE: "idle",
    pb.Sample.WARM_UP: "warm-up",
    pb.Sample.FRAMES: "frames",
    pb.Sample.OVER: "over",
}


def ingest(capture: Path, source: str, artifacts: ArtifactStore) -> str | None:
    """Store the content of a capture that our agent wrote as a recording.

    Returns:
        The recording's sha256; None when the capture was cut off before its header was whole.

    Raises:
        BugError: the capture is whole but not what the agent may write.
    """
    with capture.open("rb") as file:
        if file.read(len(mcap.MAGIC)) != mcap.MAGIC:
            return None
    try:
        return record(capture, source, artifacts)
    except CaptureError as e:
        raise BugError(e.message, where=e.where, remedy=e.remedy) from e


def record(capture: Path, source: str, artifacts: ArtifactStore, limits: Limits | None = None) -> str | None:
    """As `ingest`, for a capture that anybody may have written.

    Raises:
        CaptureError: it is none, breaks the format's rules or limits, or was written for a newer farm.
    """
    with capture.open("rb") as file:
        container = Container(file, str(capture), limits)
        messages = read(container)
        header = first(messages, container)
        return None if header is None else _Ingest(header, source, artifacts, container).run(messages)


def first(messages: Iterator[Message | TensorData], container: Container) -> pb.Header | None:
    """The header, checked; None when it was cut off.

    Raises:
        CaptureError: something else comes first, or a newer farm is needed.
    """
    header = next(messages, None)
    if header is None:
        return None
    if not isinstance(header, pb.Header):
        raise container.error(f"starts with {type(header).__name__} instead of a header")
    if header.format != FORMAT:
        raise newer(container, header, f"has format {header.format}, and this farm reads format {FORMAT}")
    if getattr(header, "pass") not in PASSES:
        raise newer(container, header, f"is the log of pass {getattr(header, 'pass')}, which this farm does not know")
    return header


def newer(container: Container, header: pb.Header, message: str) -> CaptureError:
    """The refusal of what only a newer farm understands."""
    return container.error(
        f"{message} (it is {farm.__version__}; exray agent {header.agent_version or 'of no version'} wrote the capture)",
        f"read it with the farm that came with agent {header.agent_version or 'and capture'}, or a later one",
    )


def header_pass(header: pb.Header) -> PassName:
    """Of a checked header."""
    return PASSES[getattr(header, "pass")]


def header_of(header: pb.Header, source: str) -> Header:
    """A checked header as recordings keep it."""
    return Header(
        pass_=header_pass(header),
        source=source,
        source_version=header.agent_version,
        model_sha256=header.model_sha256.hex(),
        agent_sha256=header.agent_sha256.hex(),
        runtime_sha256=header.runtime_sha256.hex(),
        kernel=header.kernel,
        threads=header.threads,
        warmup=header.warmup,
        repetitions=header.repetitions,
        abi=header.abi,
        fully_accelerated=header.fully_accelerated,
        labels=dict(header.labels),
        accelerator=header.accelerator,
        accelerator_used=header.accelerator_used,
        cpu_mask=header.cpu_mask,
        cpu_mask_used=header.cpu_mask_used,
        byte_budget=header.byte_budget,
        app=header.app,
    )


@dataclass(frozen=True)
class _Type:
    """What a tensor's data is read as."""

    dtype: int
    """exray's."""
    numpy: np.dtype[Any]
    count: int
    spec: TensorSpec


class _Ingest:
    """One capture on its way."""

    def __init__(self, header: pb.Header, source: str, artifacts: ArtifactStore, container: Container) -> None:
        self.header = header
        self.container = container
        self.limits = container.limits
        self.types: dict[int, _Type] = {}
        self.keys: set[int] = set()
        self.specs_bytes = 0
        self.frame: int | None = None
        self.tensors: dict[int, Array] = {}
        self.chunk: object = None
        self.frame_bytes = self.waiting_bytes = self.frames = 0
        self.peak, self.complete = 0, False
        self.dropped = self.over_budget = 0
        self.app = header_pass(header) == "app"
        self.open: dict[int, dict[int, Array]] = {}
        self.elements = Elements(container, artifacts)
        self.writer = RecordingWriter(artifacts, header_of(header, source))

    def run(self, messages: Iterator[Message | TensorData]) -> str:
        for message in messages:
            if isinstance(message, TensorData):
                self._tensor(message)
            elif isinstance(message, pb.TensorSpec):
                self._spec(message)
            elif isinstance(message, pb.Frame):
                self._frame(message)
            elif isinstance(message, pb.OpTimes):
                self._ops(message)
            elif isinstance(message, pb.Memory):
                self._memory(message)
            elif isinstance(message, pb.Statistics):
                self._statistics(message)
            elif isinstance(message, pb.Conditions):
                self._conditions(message)
            elif isinstance(message, pb.Sample):
                self._sample(message)
            elif isinstance(message, pb.ElementSpec):
                self.elements.spec(message)
            elif isinstance(message, pb.Element):
                self.writer.element(self.elements.row(message))
            elif isinstance(message, pb.Span):
                self.writer.element(self.elements.span(message))
            elif isinstance(message, pb.Sensor):
                for axis, value in enumerate(message.values):
                    self.writer.sensor(SensorRow(time_ns=message.time_ns, name=message.name, axis=axis, value=value))
            elif isinstance(message, pb.Dropped):
                self.dropped = message.records
            elif isinstance(message, pb.End):
                self.complete = True
                self.dropped, self.over_budget = message.dropped, message.over_budget
            elif isinstance(message, pb.Header):
                raise self.container.error("holds a second header")
        if not self.app and (self.complete or self.tensors.keys() == self.keys):
            self._store()  # a frame cut off in its middle is not a frame
        return self.writer.close(
            peak_rss_bytes=self.peak, complete=self.complete, dropped=self.dropped, over_budget=self.over_budget
        )

    def _frame(self, message: pb.Frame) -> None:
        self.writer.time(_frame_time(message))
        if message.rss_bytes:
            self._memory(
                pb.Memory(
                    frame=message.index, time_ns=message.start_ns + message.duration_ns, rss_bytes=message.rss_bytes
                )
            )
        if self.app and message.index in self.open:  # nothing of it follows: now it is whole
            self.frame, self.tensors = message.index, self.open.pop(message.index)
            self._store()
            self.frame = None

    def _tensor(self, message: TensorData) -> None:
        if self.app:  # several frames may be on their way at once
            self.tensors = self.open.setdefault(message.frame, {})
            if len(self.open) > OPEN_FRAMES:
                raise self.container.error(f"over {OPEN_FRAMES} frames begun and not ended")
        elif message.frame != self.frame:
            self._store()
            self.frame = message.frame
        if message.data.obj is not self.chunk:  # views keep whole chunks in memory: those are what counts
            self.chunk = message.data.obj
            self.frame_bytes += len(self.chunk)  # type: ignore[arg-type]  # bytes
            if self.frame_bytes > self.limits.frame_bytes:
                raise self.container.error(f"frame {self.frame} is over {self.limits.frame_bytes} bytes")
        if message.spec not in self.types:
            raise self.container.error(f"tensor data before its spec {message.spec}")
        kind = self.types[message.spec]
        self.tensors[kind.spec.tensor] = self._array(message.data, kind)

    def _store(self) -> None:
        if self.frame is None or not self.tensors:
            return
        self.frames += 1
        if self.frames > self.limits.frames:
            raise self.container.error(f"over {self.limits.frames} frames")
        self.writer.frame(self.frame, self.tensors)
        self.waiting_bytes += self.frame_bytes
        if self.waiting_bytes >= GROUP_BYTES:
            self.writer.flush()
            self.waiting_bytes = 0
        self.tensors, self.frame_bytes = {}, 0

    def _array(self, data: memoryview, kind: _Type) -> Array:
        if kind.dtype == pb.DTYPE_INT4:  # two to a byte, the low half first
            pairs = np.frombuffer(data, np.int8)
            flat = np.stack([np.left_shift(pairs, 4) >> 4, pairs >> 4], axis=-1).reshape(-1)
            flat = flat[: kind.count if flat.size - kind.count in {0, 1} else flat.size]
        elif len(data) % kind.numpy.itemsize:
            raise self.container.error(f"tensor {kind.spec.name}: {len(data)} bytes of {kind.spec.dtype}")
        else:
            flat = np.frombuffer(data, kind.numpy)
            if kind.dtype == pb.DTYPE_BFLOAT16:
                flat = (flat.astype("<u4") << np.uint32(16)).view("<f4")
        if flat.size != kind.count:
            raise self.container.error(f"tensor {kind.spec.name}: {flat.size} values for shape {kind.spec.shape}")
        return flat.reshape(kind.spec.shape)

    def _spec(self, spec: pb.TensorSpec) -> None:
        self.specs_bytes += spec.ByteSize()
        if len(self.types) >= self.limits.specs or self.specs_bytes > self.limits.specs_bytes:
            raise self.container.error(f"over {self.limits.specs} tensors, or {self.limits.specs_bytes} bytes of specs")
        if spec.dtype not in DTYPES:
            if spec.dtype == pb.DTYPE_UNSPECIFIED:
                raise self.container.error(f"tensor {spec.name} is of a type that captures have no word for")
            raise newer(self.container, self.header, f"has tensor {spec.name} of dtype {spec.dtype}")
        if spec.role not in _ROLES:
            raise newer(self.container, self.header, f"has tensor {spec.name} of role {spec.role}")
        shape = tuple(spec.shape)
        if len(shape) > MAX_RANK or any(d < 0 for d in shape) or math.prod(shape) * 8 > 1 << 62:
            raise self.container.error(f"tensor {spec.name} has an impossible shape")
        axis, scales = spec.quantized_dimension, len(spec.scale)
        if not all(map(math.isfinite, spec.scale)) or (scales and len(spec.zero_point) not in {0, scales}):
            raise self.container.error(f"tensor {spec.name} has an impossible quantization")
        if scales > 1 and not (0 <= axis < len(shape) and shape[axis] == scales):
            raise self.container.error(f"tensor {spec.name} has {scales} scales for shape {shape}, axis {axis}")
        # A runtime that does not tell the index leaves role and position: negative, so that they meet no index.
        by_position = -1 - 2 * spec.position - (spec.role == pb.ROLE_OUTPUT)
        if spec.role == pb.ROLE_LAYER:  # nor has it a position
            by_position = LAYERS_BY_NAME - spec.id
        found = TensorSpec(
            tensor=spec.tensor_index if spec.tensor_index >= 0 else by_position,
            name=spec.name,
            role=_ROLES[spec.role],
            position=spec.position,
            dtype=DTYPES[spec.dtype],
            shape=shape,
            scale=tuple(spec.scale),
            zero_point=tuple(spec.zero_point),
            axis=axis,
        )
        numpy = np.dtype("uint16" if spec.dtype == pb.DTYPE_BFLOAT16 else found.dtype).newbyteorder("<")
        kind = _Type(spec.dtype, numpy, math.prod(shape), found)
        if self.types.setdefault(spec.id, kind) != kind:
            raise self.container.error(f"holds two specs {spec.id}")
        if found.role != "layer" or found.tensor not in self.keys:  # an output that is logged as a layer, too, is one
            self.writer.spec(found)
        self.keys.add(found.tensor)

    def _ops(self, message: pb.OpTimes) -> None:
        for op in message.ops:
            self.writer.op(
                OpTime(
                    frame=message.frame,
                    tag=op.tag,
                    type=op.type,
                    index=op.index,
                    duration_us=op.duration_us,
                    start_us=op.start_us,
                )
            )

    def _memory(self, message: pb.Memory) -> None:
        self.peak = max(self.peak, message.peak_rss_bytes or message.rss_bytes)
        self.writer.memory(
            MemorySample(
                frame=message.frame,
                time_ns=message.time_ns,
                rss_bytes=message.rss_bytes,
                peak_rss_bytes=message.peak_rss_bytes,
            )
        )

    def _statistics(self, found: pb.Statistics) -> None:
        if found.spec not in self.types:
            raise self.container.error(f"statistics before their spec {found.spec}")
        self.writer.statistics(
            TensorStatistics(
                frame=found.frame,
                tensor=self.types[found.spec].spec.tensor,
                count=found.count,
                min=found.min,
                max=found.max,
                mean=found.mean,
                rms=found.rms,
                saturated=found.saturated,
                nan=found.nan,
            )
        )

    def _conditions(self, found: pb.Conditions) -> None:
        if max(len(found.clocks), len(found.temperatures)) > self.limits.conditions:
            raise self.container.error(f"over {self.limits.conditions} clocks or temperatures")
        if found.when in _WHENS:
            self.writer.conditions(
                Conditions(
                    when=_WHENS[found.when],
                    time_ns=found.time_ns,
                    clocks=tuple(Clock(cpu=c.cpu, khz=c.khz) for c in found.clocks),
                    temperatures=tuple(
                        Temperature(zone=t.zone, millicelsius=t.millicelsius) for t in found.temperatures
                    ),
                )
            )

    def _sample(self, found: pb.Sample) -> None:
        phase = _PHASES.get(found.phase, "")
        for source, value in [(f.source, f.value) for f in found.figures] or [("", 0)]:
            self.writer.sample(
                SampleRow(time_ns=found.time_ns, took_ns=found.took_ns, phase=phase, source=source, value=value)
            )


def _frame_time(frame: pb.Frame) -> FrameTime:
    return FrameTime(
        index=frame.index,
        repetition=frame.repetition,
        name=frame.name,
        preprocess_ns=frame.preprocess_ns,
        invoke_ns=frame.invoke_ns,
        start_ns=frame.start_ns,
        duration_ns=frame.duration_ns,
    )
