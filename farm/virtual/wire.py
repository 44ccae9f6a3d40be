"""adb's messages: a 24-byte header and a payload, over a byte stream.

The layout is that of adb's `protocol.txt`: six little-endian words, the last of them the complement of the first.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

CNXN = 0x4E584E43
OPEN = 0x4E45504F
OKAY = 0x59414B4F
WRTE = 0x45545257
CLSE = 0x45534C43
SYNC = 0x434E5953
AUTH = 0x48545541
STLS = 0x534C5453

COMMANDS = frozenset({CNXN, OPEN, OKAY, WRTE, CLSE, SYNC, AUTH, STLS})
VERSION = 0x01000001
"""From this version on payloads carry no checksum."""
OLDEST_VERSION = 0x01000000
MAX_PAYLOAD = 1 << 20

_HEADER = struct.Struct("<6I")


class WireError(Exception):
    """The peer does not speak adb: the connection is of no more use."""


@dataclass(frozen=True)
class Message:
    """One message; the meaning of `arg0` and `arg1` depends on `command`."""

    command: int
    arg0: int
    arg1: int
    data: bytes = b""


def encode(message: Message, *, checksum: bool = False) -> bytes:
    """The bytes of a message; peers older than `VERSION` want its payload's `checksum`."""
    header = _HEADER.pack(
        message.command,
        message.arg0,
        message.arg1,
        len(message.data),
        sum(message.data) & 0xFFFFFFFF if checksum else 0,
        message.command ^ 0xFFFFFFFF,
    )
    return header + message.data


class Decoder:
    """Turns a byte stream, split anywhere, into messages; holds at most one message of `MAX_PAYLOAD` bytes."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[Message]:
        """The messages that `data` completes.

        Raises:
            WireError: a header that no adb would send.
        """
        self._buffer += data
        messages: list[Message] = []
        start = 0
        while len(self._buffer) - start >= _HEADER.size:
            command, arg0, arg1, length, _checksum, magic = _HEADER.unpack_from(self._buffer, start)
            if command not in COMMANDS or magic != command ^ 0xFFFFFFFF:
                raise WireError(f"no adb message starts with {command:#010x} {magic:#010x}")
            if length > MAX_PAYLOAD:
                raise WireError(f"a payload of {length} bytes is over the limit of {MAX_PAYLOAD}")
            end = start + _HEADER.size + length
            if len(self._buffer) < end:
                break
            with memoryview(self._buffer) as view:
                messages.append(Message(command, arg0, arg1, bytes(view[start + _HEADER.size : end])))
            start = end
        del self._buffer[:start]
        return messages
