"""A capture, as the agent wrote it, into a recording. What was cut off is read up to its last whole chunk."""

from __future__ import annotations

import struct
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from farm.capture import exray_pb2 as pb
from farm.capture.recording import FrameTime, Header, OpTime, RecordingWriter, TensorSpec
from farm.errors import BugError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from farm.capture.recording import PassName
    from farm.store.artifacts import ArtifactStore

FORMAT = 1
RECORD_LIMIT = 1 << 31

_MESSAGES: dict[str, Any] = {
    "/header": pb.Header,
    "/tensor_spec": pb.TensorSpec,
    "/tensor_data": pb.TensorData,
    "/frame": pb.Frame,
    "/op_times": pb.OpTimes,
    "/memory": pb.Memory,
    "/end": pb.End,
}
_PASSES: dict[int, PassName] = {pb.PASS_LATENCY: "latency", pb.PASS_LAYERS: "layers"}
_DTYPES = {
    pb.DTYPE_BOOL: "bool",
    pb.DTYPE_INT8: "int8",
    pb.DTYPE_INT16: "int16",
    pb.DTYPE_INT32: "int32",
    pb.DTYPE_INT64: "int64",
    pb.DTYPE_UINT8: "uint8",
    pb.DTYPE_UINT16: "uint16",
    pb.DTYPE_UINT32: "uint32",
    pb.DTYPE_UINT64: "uint64",
    pb.DTYPE_FLOAT16: "float16",
    pb.DTYPE_FLOAT32: "float32",
    pb.DTYPE_FLOAT64: "float64",
}


def ingest(capture: Path, source: str, artifacts: ArtifactStore) -> str | None:
    """Store a capture's content as a recording.

    Returns:
        The recording's sha256; None when the capture was cut off before its header was whole.

    Raises:
        BugError: the capture is whole but not what the agent may write.
    """
    with capture.open("rb") as file:
        messages = read(file)
        first = next(messages, None)
        if first is None:
            return None
        if not isinstance(first, pb.Header):
            raise BugError(f"starts with {type(first).__name__} instead of a header", where=str(capture))
        return _Ingest(first, source, artifacts, str(capture)).run(messages)


class _Ingest:
    """One capture on its way."""

    def __init__(self, header: pb.Header, source: str, artifacts: ArtifactStore, where: str) -> None:
        if header.format != FORMAT or getattr(header, "pass") not in _PASSES:
            raise BugError(f"has format {header.format} of pass {getattr(header, 'pass')}", where=where)
        self.where = where
        self.specs: dict[int, pb.TensorSpec] = {}
        self.keys: dict[int, int] = {}
        self.writer = RecordingWriter(
            artifacts,
            Header(
                pass_=_PASSES[getattr(header, "pass")],
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
            ),
        )

    def run(self, messages: Iterator[Any]) -> str:
        frame: int | None = None
        tensors: dict[int, np.ndarray[Any, Any]] = {}
        peak, complete = 0, False
        for message in messages:
            if isinstance(message, pb.TensorData):
                if message.frame != frame:
                    self._store(frame, tensors)
                    frame, tensors = message.frame, {}
                key, value = self._tensor(message)
                tensors[key] = value
            elif isinstance(message, pb.TensorSpec):
                self._spec(message)
            elif isinstance(message, pb.Frame):
                self.writer.time(
                    FrameTime(
                        index=message.index,
                        repetition=message.repetition,
                        name=message.name,
                        preprocess_ns=message.preprocess_ns,
                        invoke_ns=message.invoke_ns,
                    )
                )
            elif isinstance(message, pb.OpTimes):
                for op in message.ops:
                    self.writer.op(
                        OpTime(
                            frame=message.frame, tag=op.tag, type=op.type, index=op.index, duration_us=op.duration_us
                        )
                    )
            elif isinstance(message, pb.Memory):
                peak = max(peak, message.peak_rss_bytes or message.rss_bytes)
            elif isinstance(message, pb.End):
                complete = True
        if complete or len(tensors) == len(self.specs):
            self._store(frame, tensors)  # a frame cut off in its middle is not a frame
        return self.writer.close(peak_rss_bytes=peak, complete=complete)

    def _store(self, frame: int | None, tensors: dict[int, np.ndarray[Any, Any]]) -> None:
        if frame is not None and tensors:
            self.writer.frame(frame, tensors)

    def _spec(self, spec: pb.TensorSpec) -> None:
        self.specs[spec.id] = spec
        # A runtime that does not tell the index leaves role and position: negative, so that they meet no index.
        by_position = -1 - 2 * spec.position - (spec.role == pb.ROLE_OUTPUT)
        self.keys[spec.id] = spec.tensor_index if spec.tensor_index >= 0 else by_position
        self.writer.spec(
            TensorSpec(
                tensor=self.keys[spec.id],
                name=spec.name,
                role="input" if spec.role == pb.ROLE_INPUT else "output",
                position=spec.position,
                dtype=self._dtype(spec),
                shape=tuple(spec.shape),
                scale=tuple(spec.scale),
                zero_point=tuple(spec.zero_point),
                axis=spec.quantized_dimension,
            )
        )

    def _dtype(self, spec: pb.TensorSpec) -> str:
        if spec.dtype not in _DTYPES:
            raise BugError(f"tensor {spec.name} has dtype {spec.dtype}", where=self.where)
        return _DTYPES[spec.dtype]

    def _tensor(self, message: pb.TensorData) -> tuple[int, np.ndarray[Any, Any]]:
        spec = self.specs.get(message.spec)
        if spec is None:
            raise BugError(f"tensor data before its spec {message.spec}", where=self.where)
        flat = np.frombuffer(message.data, np.dtype(self._dtype(spec)).newbyteorder("<"))
        if flat.size != int(np.prod(spec.shape, dtype=np.int64)):
            raise BugError(f"tensor {spec.name}: {flat.size} values for shape {tuple(spec.shape)}", where=self.where)
        return self.keys[message.spec], flat.reshape(tuple(spec.shape))


def read(file: IO[bytes]) -> Iterator[Any]:
    """The messages of a capture in the order they were logged, up to its last whole chunk.

    A chunk whose CRC does not match ends the reading, as a cut does: what comes after cannot be trusted.
    """
    from mcap.exceptions import McapError
    from mcap.records import Channel, Message
    from mcap.stream_reader import CRCValidationError, StreamReader

    topics: dict[int, str] = {}
    reader = StreamReader(file, validate_crcs=True, record_size_limit=RECORD_LIMIT)
    try:
        for record in reader.records:
            if isinstance(record, Channel):
                topics[record.id] = record.topic
            elif isinstance(record, Message) and topics.get(record.channel_id) in _MESSAGES:
                yield _MESSAGES[topics[record.channel_id]].FromString(record.data)
    except (McapError, CRCValidationError, EOFError, struct.error):
        return
