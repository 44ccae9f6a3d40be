"""Captures as other writers would make them: by the stock library, with whatever messages a test wants."""

from __future__ import annotations

import io
import struct
import zlib
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from mcap.data_stream import ReadDataStream
from mcap.reader import make_reader
from mcap.records import MessageIndex
from mcap.writer import CompressionType, Writer

from farm.capture import exray_pb2 as pb

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from google.protobuf.message import Message

    Array = np.ndarray[Any, Any]

CHUNK_HEAD = struct.Struct("<BQQQQI")
TOPICS = {
    "Header": "/header",
    "TensorSpec": "/tensor_spec",
    "TensorData": "/tensor_data",
    "Frame": "/frame",
    "OpTimes": "/op_times",
    "Memory": "/memory",
    "Statistics": "/statistics",
    "Conditions": "/conditions",
    "End": "/end",
}


def header(log: int = pb.PASS_LAYERS, **fields: Any) -> pb.Header:
    found = pb.Header(format=1, agent_version="1.2.3", threads=1, kernel="delegate")
    setattr(found, "pass", log)
    for name, value in fields.items():
        setattr(found, name, value)
    return found


def spec(number: int, shape: Iterable[int], dtype: int = pb.DTYPE_FLOAT32, **fields: Any) -> pb.TensorSpec:
    found = pb.TensorSpec(id=number, role=pb.ROLE_OUTPUT, tensor_index=number, name=f"t{number}", shape=shape, **fields)
    found.dtype = dtype  # type: ignore[assignment]
    return found


def data(number: int, frame: int, value: Array) -> pb.TensorData:
    return pb.TensorData(spec=number, frame=frame, data=value.tobytes())


def write(
    out: IO[bytes],
    messages: Iterable[Message | tuple[str, bytes]],
    *,
    chunk_size: int = 1 << 20,
    compression: CompressionType = CompressionType.NONE,
) -> None:
    writer = Writer(out, compression=compression, chunk_size=chunk_size)
    writer.start("exray", "test")
    channels: dict[str, int] = {}
    for time, message in enumerate(messages):
        topic, body = (
            message if isinstance(message, tuple) else (TOPICS[type(message).__name__], message.SerializeToString())
        )
        if topic not in channels:
            channels[topic] = writer.register_channel(topic, "protobuf", 0)
        writer.add_message(channels[topic], time, body, time)
    writer.finish()  # type: ignore[no-untyped-call]


def made(path: Path, *messages: Message | tuple[str, bytes], **options: Any) -> Path:
    with path.open("wb") as file:
        write(file, messages, **options)
    return path


def stock(data: bytes) -> list[tuple[str, bytes]]:
    """Topic and body of each message, as the stock library reads them through the index, every checksum checked."""
    reader = make_reader(io.BytesIO(data), validate_crcs=True)
    summary = reader.get_summary()
    assert summary is not None
    assert summary.statistics is not None
    found = [(c.topic, m.data) for _, c, m in reader.iter_messages(log_time_order=False)]
    assert summary.statistics.message_count == len(found)
    assert summary.statistics.chunk_count == len(summary.chunk_indexes)
    return found


def index_of(data: bytes, at: int) -> list[tuple[int, int]]:
    """The entries of the message index that stands at a place."""
    found: list[tuple[int, int]] = MessageIndex.read(ReadDataStream(io.BytesIO(data[at + 9 :]))).records
    return found


def sealed(records: bytes, *, compression: str = "", size: int | None = None, stored: bytes | None = None) -> bytes:
    """A capture of one chunk that holds `records`, its checksum right."""
    body = records if stored is None else stored
    name = compression.encode()
    length = 8 + 8 + 8 + 4 + 4 + len(name) + 8 + len(body)
    chunk = CHUNK_HEAD.pack(6, length, 0, 0, len(records) if size is None else size, zlib.crc32(records))
    chunk += len(name).to_bytes(4, "little") + name + len(body).to_bytes(8, "little") + body
    return b"\x89MCAP0\r\n" + b"\x01" + (8).to_bytes(8, "little") + bytes(8) + chunk


def channel(number: int, topic: str) -> bytes:
    name = topic.encode()
    body = struct.pack("<HH", number, 0) + len(name).to_bytes(4, "little") + name
    body += (8).to_bytes(4, "little") + b"protobuf" + bytes(4)
    return b"\x04" + len(body).to_bytes(8, "little") + body


def message(number: int, body: bytes) -> bytes:
    return b"\x05" + (22 + len(body)).to_bytes(8, "little") + struct.pack("<HIQQ", number, 0, 0, 0) + body
