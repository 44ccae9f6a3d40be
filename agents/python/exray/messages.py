"""The messages of exray.proto, from the descriptors that every capture carries (`make descriptor` in agents/native).

In a pool of their own: another package of the process may know other versions of them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from google.protobuf import descriptor_pool, message_factory
from google.protobuf.descriptor_pb2 import FileDescriptorSet

DESCRIPTORS = (Path(__file__).resolve().parent / "exray.desc").read_bytes()
"""A FileDescriptorSet."""


def _messages() -> dict[str, Any]:
    pool = descriptor_pool.DescriptorPool()
    names = []
    for file in FileDescriptorSet.FromString(DESCRIPTORS).file:
        pool.AddSerializedFile(file.SerializeToString())
        names += [f"{file.package}.{message.name}" for message in file.message_type]
    return {
        name.rpartition(".")[2]: message_factory.GetMessageClass(pool.FindMessageTypeByName(name)) for name in names
    }


MESSAGES = _messages()
"""Classes by name."""


def encode(message: str, **fields: Any) -> bytes:
    """Of that name."""
    data: bytes = MESSAGES[message](**fields).SerializeToString()
    return data


def with_data(message: bytes, field: int, data: Any) -> bytes:
    """The message with one field more, of bytes, at its end: a tensor is copied once, into what waits for the disk."""
    size, length = len(data), bytearray()
    while size >= 0x80:
        length.append(size & 0x7F | 0x80)
        size >>= 7
    length.append(size)
    return b"".join((message, bytes((field << 3 | 2,)), length, data))
