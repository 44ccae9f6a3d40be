"""The shell protocol, version 2: stdin, stdout, stderr and the exit code as packets inside one adb stream."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass

STDIN = 0
STDOUT = 1
STDERR = 2
EXIT = 3
CLOSE_STDIN = 4
WINDOW_SIZE = 5

MAX_PACKET = 1 << 20
HEADER_SIZE = 5

_HEADER = struct.Struct("<BI")
_WINDOW = re.compile(rb"(\d{1,5})x(\d{1,5}),(\d{1,5})x(\d{1,5})\0?")


class PacketError(Exception):
    """The client does not speak the shell protocol."""


@dataclass(frozen=True)
class Packet:
    """One packet; `kind` is one of the constants above, unknown ones are for the reader to ignore."""

    kind: int
    data: bytes


def encode(kind: int, data: bytes) -> bytes:
    """The bytes of one packet."""
    return _HEADER.pack(kind, len(data)) + data


def window_size(data: bytes) -> tuple[int, int, int, int] | None:
    """Rows, columns, width and height in pixels of a `WINDOW_SIZE` packet, or None if it says nothing readable."""
    match = _WINDOW.fullmatch(data)
    if match is None:
        return None
    rows, columns, width, height = (min(int(group), 0xFFFF) for group in match.groups())
    return rows, columns, width, height


class Decoder:
    """Turns a byte stream, split anywhere, into packets; holds at most one packet of `MAX_PACKET` bytes."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[Packet]:
        """The packets that `data` completes.

        Raises:
            PacketError: a packet over the limit.
        """
        self._buffer += data
        packets: list[Packet] = []
        while len(self._buffer) >= HEADER_SIZE:
            kind, length = _HEADER.unpack_from(self._buffer)
            if length > MAX_PACKET:
                raise PacketError(f"a packet of {length} bytes is over the limit of {MAX_PACKET}")
            end = HEADER_SIZE + length
            if len(self._buffer) < end:
                break
            packets.append(Packet(kind, bytes(self._buffer[HEADER_SIZE:end])))
            del self._buffer[:end]
        return packets
