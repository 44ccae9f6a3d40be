"""A recording: what one pass of one target logged, as the host keeps it.

Made from a device's capture (`ingest`) or written by a reference runtime, and read by everything that compares. It is
one JSON artifact that names the others: safetensors files with the tensors of whole frames, Parquet files of times.
"""

from __future__ import annotations

import functools
import io
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from farm.store.artifacts import ArtifactStore

GROUP_BYTES = 16 << 20
"""Frames are stored together up to about this size: many small frames in one file, a large one alone."""

PassName = Literal["latency", "layers"]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TensorSpec(_Model):
    """A logged tensor's constants.

    `tensor` is its index in the model's main subgraph: the key under which two recordings of
    the same model are compared."""

    tensor: int
    name: str
    role: Literal["input", "output"]
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


class FrameTime(_Model):
    """One invocation."""

    index: int
    repetition: int
    name: str
    preprocess_ns: int
    invoke_ns: int


class OpTime(_Model):
    """One event of the runtime's profiler."""

    frame: int
    tag: str
    type: int
    index: int
    duration_us: int


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

    @functools.cached_property
    def by_tensor(self) -> dict[int, TensorSpec]:
        """Specs by tensor index."""
        return {spec.tensor: spec for spec in self.specs}

    def tensors(self, artifacts: ArtifactStore, frame: int) -> dict[int, np.ndarray[Any, Any]]:
        """All tensors of a frame by tensor index, as logged (not dequantized), in their own shapes.

        Raises:
            KeyError: the frame was not logged.
        """
        from safetensors import safe_open

        with safe_open(artifacts.path(self.frames[frame]), framework="numpy") as file:
            mine = [key for key in file.keys() if key.startswith(f"{frame}/")]  # noqa: SIM118  # not a dict
            return {int(key.partition("/")[2]): file.get_tensor(key) for key in mine}

    def frame_times(self, artifacts: ArtifactStore) -> list[FrameTime]:
        """Every measured invocation, in the order they ran."""
        return [FrameTime(**row) for row in _rows(artifacts, self.times)]

    def op_times(self, artifacts: ArtifactStore) -> list[OpTime]:
        """The profiler's events, in the order they happened, frame by frame."""
        return [OpTime(**row) for row in _rows(artifacts, self.ops)]


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
    """Collects a recording and stores it. Not thread-safe."""

    def __init__(self, artifacts: ArtifactStore, header: Header) -> None:
        self._artifacts = artifacts
        self._header = header
        self._specs: dict[int, TensorSpec] = {}
        self._frames: dict[int, str] = {}
        self._waiting: dict[int, dict[str, np.ndarray[Any, Any]]] = {}
        self._waiting_bytes = 0
        self._times: list[FrameTime] = []
        self._ops: list[OpTime] = []

    def spec(self, spec: TensorSpec) -> None:
        """Announce a tensor, before its first value."""
        self._specs[spec.tensor] = spec

    def frame(self, index: int, tensors: Mapping[int, np.ndarray[Any, Any]]) -> None:
        """Keep all tensors of one frame."""
        whole = {f"{index}/{key}": np.ascontiguousarray(value) for key, value in tensors.items()}
        self._waiting[index] = whole
        self._waiting_bytes += sum(value.nbytes for value in whole.values())
        if self._waiting_bytes >= GROUP_BYTES:
            self._store_waiting()

    def time(self, time: FrameTime) -> None:
        """Add one invocation's times."""
        self._times.append(time)

    def op(self, op: OpTime) -> None:
        """Add one profiler event."""
        self._ops.append(op)

    def close(self, *, peak_rss_bytes: int = 0, complete: bool = True) -> str:
        """Store the recording; the sha256 of its JSON artifact."""
        self._store_waiting()
        recording = Recording(
            header=self._header,
            specs=tuple(self._specs.values()),
            frames=self._frames,
            times=self._parquet(self._times),
            ops=self._parquet(self._ops),
            peak_rss_bytes=peak_rss_bytes,
            complete=complete,
        )
        return self._artifacts.put(recording.model_dump_json().encode())

    def _store_waiting(self) -> None:
        from safetensors.numpy import save

        if self._waiting:
            sha256 = self._artifacts.put(save({k: v for frame in self._waiting.values() for k, v in frame.items()}))
            self._frames.update(dict.fromkeys(self._waiting, sha256))
            self._waiting, self._waiting_bytes = {}, 0

    def _parquet(self, rows: Sequence[BaseModel]) -> str:
        if not rows:
            return ""
        import pyarrow as pa
        import pyarrow.parquet as pq

        buffer = io.BytesIO()
        pq.write_table(pa.Table.from_pylist([row.model_dump() for row in rows]), buffer, compression="zstd")
        return self._artifacts.put(buffer.getvalue())


def _rows(artifacts: ArtifactStore, sha256: str) -> list[dict[str, Any]]:
    if not sha256:
        return []
    import pyarrow.parquet as pq

    rows: list[dict[str, Any]] = pq.read_table(artifacts.path(sha256)).to_pylist()
    return rows
