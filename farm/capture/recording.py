"""A recording: what one pass of one target logged, as the host keeps it.

Made from a device's capture (`ingest`) or written by a reference runtime, and read by everything that compares. It is
one JSON artifact that names the others: safetensors files with the tensors of whole frames, Parquet files of times.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict

from farm.capture import tensors as files
from farm.capture.rows import (
    ElementRow,
    FrameTime,
    MemorySample,
    OpTime,
    SampleRow,
    SensorRow,
    TensorStatistics,
)
from farm.capture.table import Table

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa

    from farm.store.artifacts import ArtifactStore

GROUP_BYTES = 16 << 20
"""Frames are stored together up to about this size: many small frames in one file, a large one alone."""
GROUP_TENSORS = 1 << 14

PassName = Literal["latency", "layers", "profile", "isolated", "app"]
"""`app`: an app's own pipeline, logged through the exray API; the others are the agent's."""


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TensorSpec(_Model):
    """A logged tensor's constants.

    `tensor` is its index in the model's main subgraph: the key under which two recordings of
    the same model are compared."""

    tensor: int
    name: str
    role: Literal["input", "output", "layer"]
    """A layer only in an app's own capture; in the pass `layers` every exposed tensor is an output."""
    position: int
    dtype: str
    """numpy's name."""
    shape: tuple[int, ...]
    scale: tuple[float, ...] = ()
    zero_point: tuple[int, ...] = ()
    axis: int = 0


class Header(_Model):
    """Where a recording comes from."""

    pass_: PassName
    source: str
    """`device:SERIAL` or the reference's name."""
    source_version: str
    model_sha256: str
    """Of the model that ran (the instrumented one in `layers`)."""
    agent_sha256: str = ""
    runtime_sha256: str = ""
    kernel: str
    threads: int
    warmup: int = 0
    repetitions: int = 1
    abi: str = ""
    fully_accelerated: bool = False
    labels: dict[str, str] = {}
    accelerator: str = ""
    """Asked for: cpu, gpu or npu; empty means cpu."""
    accelerator_used: str = ""
    """What ran, as far as the runtime tells."""
    cpu_mask: int = 0
    """Asked for, bit n is cpu n; 0: none."""
    cpu_mask_used: int = 0
    """Read back from the process; 0: not told."""
    byte_budget: int = 0
    """Of tensor data, bytes; 0: none. Frames beyond it have statistics only. Of pass `app`: of the whole file."""
    app: str = ""
    """Of pass `app`: its name."""


class Clock(_Model):
    """A CPU's frequency, kHz."""

    cpu: int
    khz: int


class Temperature(_Model):
    """A thermal zone, by the type it gives itself (several may share one), in thousandths of a degree Celsius."""

    zone: str
    millicelsius: int


class Conditions(_Model):
    """Clocks and heat at one end of a pass; what the device does not let one read is absent."""

    when: Literal["before", "after"]
    time_ns: int
    """The device's monotonic clock."""
    clocks: tuple[Clock, ...] = ()
    temperatures: tuple[Temperature, ...] = ()


class Recording(_Model):
    """The JSON artifact. Tensors and times are loaded when asked for."""

    header: Header
    specs: tuple[TensorSpec, ...]
    frames: dict[int, str]
    """Frame index -> sha256 of the safetensors artifact that holds it (keys: `FRAME/TENSOR`, both indices)."""
    times: str
    """sha256 of the Parquet artifact of FrameTime rows; empty when there are none."""
    ops: str
    """sha256 of the Parquet artifact of OpTime rows; empty when there are none."""
    peak_rss_bytes: int = 0
    complete: bool = True
    """False: cut off before its end (a device died); what is here is whole."""
    statistics: str = ""
    """sha256 of the Parquet artifact of TensorStatistics rows; empty when there are none."""
    memory: str = ""
    """sha256 of the Parquet artifact of MemorySample rows; empty when there are none."""
    conditions: tuple[Conditions, ...] = ()
    """At most one before and one after the pass."""
    samples: str = ""
    """sha256 of the Parquet artifact of SampleRow rows; empty when there are none."""
    elements: str = ""
    """sha256 of the Parquet artifact of ElementRow rows; empty when there are none."""
    sensors: str = ""
    """sha256 of the Parquet artifact of SensorRow rows; empty when there are none."""
    dropped: int = 0
    """Records that found no room in an app's ring, as far as the capture tells."""
    over_budget: int = 0
    """Records that were left out for its byte budget."""

    @functools.cached_property
    def by_tensor(self) -> dict[int, TensorSpec]:
        """Specs by tensor index."""
        return {spec.tensor: spec for spec in self.specs}

    def tensors(self, artifacts: ArtifactStore, frame: int) -> dict[int, np.ndarray[Any, Any]]:
        """All tensors of a frame by tensor index, as logged (not dequantized), in their own shapes.

        Raises:
            KeyError: the frame was not logged.
        """
        return files.read(artifacts.path(self.frames[frame]), frame)

    def frame_times(self, artifacts: ArtifactStore) -> list[FrameTime]:
        """Every measured invocation, in the order they ran."""
        return [FrameTime(**row) for row in _rows(artifacts, self.times)]

    def op_times(self, artifacts: ArtifactStore) -> list[OpTime]:
        """The profiler's events, in the order they happened, frame by frame."""
        return [OpTime(**row) for row in _rows(artifacts, self.ops)]

    def op_table(self, artifacts: ArtifactStore) -> pa.Table | None:
        """As `op_times`, a column for each of its fields, which takes a fiftieth of the memory; None when there are none."""
        return _table(artifacts, self.ops)

    def tensor_statistics(self, artifacts: ArtifactStore) -> list[TensorStatistics]:
        """Of the frames that were not logged in full, in the order they ran."""
        return [TensorStatistics(**row) for row in _rows(artifacts, self.statistics)]

    def memory_samples(self, artifacts: ArtifactStore) -> list[MemorySample]:
        """The agent's memory, in the order it was taken."""
        return [MemorySample(**row) for row in _rows(artifacts, self.memory)]

    def sample_rows(self, artifacts: ArtifactStore) -> list[SampleRow]:
        """What the sampler read beside the frames, in the order it was read."""
        return [SampleRow(**row) for row in _rows(artifacts, self.samples)]

    def element_rows(self, artifacts: ArtifactStore) -> list[ElementRow]:
        """What an app logged beside its model's inputs and outputs, in the order it was logged."""
        return [ElementRow(**row) for row in _rows(artifacts, self.elements)]

    def sensor_rows(self, artifacts: ArtifactStore) -> list[SensorRow]:
        """What an app read of the world around it, in the order it was read."""
        return [SensorRow(**row) for row in _rows(artifacts, self.sensors)]


def load(artifacts: ArtifactStore, sha256: str) -> Recording:
    """Read a recording's JSON artifact."""
    return Recording.model_validate_json(artifacts.read(sha256))


def dequantize(values: np.ndarray[Any, Any], spec: TensorSpec) -> np.ndarray[Any, Any]:
    """`values` as float64 real numbers: (q - zero_point) * scale, per tensor or along `spec.axis`; same shape."""
    real = values.astype(np.float64)
    if not spec.scale:
        return real
    scale, zero = np.asarray(spec.scale, np.float64), np.asarray(spec.zero_point or (0,) * len(spec.scale), np.float64)
    if len(spec.scale) > 1:
        along = [1] * values.ndim
        along[spec.axis] = len(spec.scale)
        scale, zero = scale.reshape(along), zero.reshape(along)
    result: np.ndarray[Any, Any] = (real - zero) * scale
    return result


class RecordingWriter:
    """Collects a recording and stores it: no more than a group of frames, and a batch of rows, waits. Not thread-safe."""

    def __init__(self, artifacts: ArtifactStore, header: Header) -> None:
        self._artifacts = artifacts
        self._header = header
        self._specs: dict[int, TensorSpec] = {}
        self._frames: dict[int, str] = {}
        self._waiting: dict[int, Mapping[int, np.ndarray[Any, Any]]] = {}
        self._waiting_bytes = self._waiting_tensors = 0
        self._times = Table(artifacts, FrameTime)
        self._ops = Table(artifacts, OpTime)
        self._statistics = Table(artifacts, TensorStatistics)
        self._memory = Table(artifacts, MemorySample)
        self._samples = Table(artifacts, SampleRow)
        self._elements = Table(artifacts, ElementRow)
        self._sensors = Table(artifacts, SensorRow)
        self._conditions: dict[str, Conditions] = {}

    def spec(self, spec: TensorSpec) -> None:
        """Announce a tensor, before its first value."""
        self._specs[spec.tensor] = spec

    def frame(self, index: int, tensors: Mapping[int, np.ndarray[Any, Any]]) -> None:
        """Keep all tensors of one frame; they must stay as they are until the frame is stored."""
        self._waiting[index] = tensors
        self._waiting_bytes += sum(value.nbytes for value in tensors.values())
        self._waiting_tensors += len(tensors)
        if self._waiting_bytes >= GROUP_BYTES or self._waiting_tensors >= GROUP_TENSORS:
            self.flush()

    def time(self, time: FrameTime) -> None:
        """Add one invocation's times."""
        self._times.add(time)

    def op(self, op: OpTime) -> None:
        """Add one profiler event."""
        self._ops.add(op)

    def statistics(self, statistics: TensorStatistics) -> None:
        """Add what is known of a tensor that was not logged in full."""
        self._statistics.add(statistics)

    def memory(self, sample: MemorySample) -> None:
        """Add what the agent's process took."""
        self._memory.add(sample)

    def sample(self, row: SampleRow) -> None:
        """Add a figure of the sampler."""
        self._samples.add(row)

    def element(self, row: ElementRow) -> None:
        """Add what an app logged."""
        self._elements.add(row)

    def sensor(self, row: SensorRow) -> None:
        """Add what an app read of the world around it."""
        self._sensors.add(row)

    def conditions(self, conditions: Conditions) -> None:
        """Note the clocks and heat at one end of the pass; the last ones told count."""
        self._conditions[conditions.when] = conditions

    def flush(self) -> None:
        """Store the frames that wait."""
        if self._waiting:
            sha256 = self._artifacts.put_stream(files.pack(self._waiting))
            self._frames.update(dict.fromkeys(self._waiting, sha256))
            self._waiting, self._waiting_bytes, self._waiting_tensors = {}, 0, 0

    def close(self, *, peak_rss_bytes: int = 0, complete: bool = True, dropped: int = 0, over_budget: int = 0) -> str:
        """Store the recording; the sha256 of its JSON artifact."""
        self.flush()
        recording = Recording(
            header=self._header,
            specs=tuple(self._specs.values()),
            frames=self._frames,
            times=self._times.close(),
            ops=self._ops.close(),
            peak_rss_bytes=peak_rss_bytes,
            complete=complete,
            statistics=self._statistics.close(),
            memory=self._memory.close(),
            samples=self._samples.close(),
            elements=self._elements.close(),
            sensors=self._sensors.close(),
            dropped=dropped,
            over_budget=over_budget,
            conditions=tuple(self._conditions[when] for when in ("before", "after") if when in self._conditions),
        )
        return self._artifacts.put(recording.model_dump_json().encode())


def _rows(artifacts: ArtifactStore, sha256: str) -> list[dict[str, Any]]:
    table = _table(artifacts, sha256)
    rows: list[dict[str, Any]] = [] if table is None else table.to_pylist()
    return rows


def _table(artifacts: ArtifactStore, sha256: str) -> pa.Table | None:
    if not sha256:
        return None
    import pyarrow.parquet as pq

    return pq.read_table(artifacts.path(sha256))
