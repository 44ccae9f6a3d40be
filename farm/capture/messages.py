"""The messages of a capture (exray.proto), in the order they were logged.

Tensors, which are nearly all of a capture, are views of the chunk they came in. Topics and fields this farm does not know are
passed over: numbers are only ever added, so an old reader reads a newer file as far as it understands it.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from google.protobuf.message import DecodeError, Message

from farm.capture import container as mcap
from farm.capture import exray_pb2 as pb

if TYPE_CHECKING:
    from collections.abc import Iterator

    from farm.capture.container import Container

_HEAD = struct.Struct("<HIQQ")
_TYPES: dict[str, type[Message]] = {
    "/header": pb.Header,
    "/tensor_spec": pb.TensorSpec,
    "/tensor_data": pb.TensorData,
    "/frame": pb.Frame,
    "/op_times": pb.OpTimes,
    "/memory": pb.Memory,
    "/statistics": pb.Statistics,
    "/conditions": pb.Conditions,
    "/sample": pb.Sample,
    "/end": pb.End,
    "/element_spec": pb.ElementSpec,
    "/element": pb.Element,
    "/span": pb.Span,
    "/sensor": pb.Sensor,
    "/dropped": pb.Dropped,
}


@dataclass(frozen=True, slots=True)
class TensorData:
    """As pb.TensorData, without a copy."""

    spec: int
    frame: int
    data: memoryview


def read(container: Container) -> Iterator[Message | TensorData]:
    """Messages up to the last whole chunk: one whose checksum is wrong ends the reading, as a cut does.

    Raises:
        CaptureError: what is whole breaks the format's rules or limits.
    """
    types: dict[int, type[Message] | None] = {}
    for record in container.records():
        if record.opcode == mcap.CHUNK:
            chunk = container.chunk(record)
            if chunk is None:
                return
            for opcode, start, end in container.inner(chunk):
                if opcode == mcap.MESSAGE:
                    message = _message(container, types, chunk.records[start:end])
                    if message is not None:
                        yield message
                elif opcode == mcap.CHANNEL:
                    _channel(container, types, chunk.records[start:end])
        elif record.opcode == mcap.CHANNEL:
            _channel(container, types, record.body)
        elif record.opcode == mcap.MESSAGE:
            message = _message(container, types, memoryview(record.body))
            if message is not None:
                yield message
        elif record.opcode == mcap.DATA_END:
            types = {}  # the summary repeats channels, and holds no messages


def _channel(container: Container, types: dict[int, type[Message] | None], body: bytes | memoryview) -> None:
    number, topic, encoding = container.channel(body)
    types[number] = _TYPES.get(topic) if encoding == "protobuf" else None


def _message(
    container: Container, types: dict[int, type[Message] | None], record: memoryview
) -> Message | TensorData | None:
    if len(record) < _HEAD.size:
        raise container.error("a message without its head")
    kind = types.get(record[0] | record[1] << 8)
    if kind is None:
        return None
    body = record[_HEAD.size :]
    if kind is pb.TensorData:
        found = tensor_data(body)
        if found is not None:
            return found
    elif kind is not pb.Element and len(body) > container.limits.message_bytes:  # an element may be a picture
        name = kind.DESCRIPTOR.name
        raise container.error(f"{name} message of {len(body)} bytes, the limit is {container.limits.message_bytes}")
    try:
        message = kind.FromString(bytes(body))
    except DecodeError as e:
        raise container.error(f"a {kind.DESCRIPTOR.name} message that is none") from e
    return (
        TensorData(message.spec, message.frame, memoryview(message.data))
        if isinstance(message, pb.TensorData)
        else message
    )


def tensor_data(body: memoryview) -> TensorData | None:
    """A TensorData message as the agent writes it: fields 1, 2 and 3, each at most once. None for any other encoding.

    By hand, since protobuf would copy the tensor.
    """
    spec = frame = at = last = 0
    total = len(body)
    try:
        while at < total:
            field = body[at]
            at += 1
            if field >> 3 <= last:
                return None
            last = field >> 3
            value = shift = 0
            while True:
                byte = body[at]
                at += 1
                value |= (byte & 0x7F) << shift
                if byte < 0x80:
                    break
                shift += 7
                if shift > 28:
                    return None
            if field == 0x1A:
                return TensorData(spec, frame, body[at:]) if at + value == total else None
            if value >> 32:
                return None
            if field == 0x08:
                spec = value
            elif field == 0x10:
                frame = value
            else:
                return None
    except IndexError:
        return None
    return TensorData(spec, frame, body[total:])
