"""MCAP (https://mcap.dev/spec) as far as captures use it: records in the order of the file, up to its last whole chunk.

Nobody vouches for the file. What a cut or a flipped bit leaves ends the reading; what is whole and still breaks the rules
or the limits is an error. At most one record is in memory at a time.
"""

from __future__ import annotations

import io
import os
import struct
import zlib
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from farm.errors import CaptureError

if TYPE_CHECKING:
    from collections.abc import Iterator

MAGIC = b"\x89MCAP0\r\n"
HEADER, FOOTER, SCHEMA, CHANNEL, MESSAGE, CHUNK, DATA_END = 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x0F
READ = {HEADER, FOOTER, SCHEMA, CHANNEL, MESSAGE, CHUNK, DATA_END}
"""Other records are stepped over unread."""

_RECORD = struct.Struct("<BQ")
RECORD_HEAD = _RECORD.size
_CHUNK_TIMES = struct.Struct("<QQQI")
_CHANNEL = struct.Struct("<HH")
_PIECE = 1 << 20


@dataclass(frozen=True)
class Limits:
    """What a capture may ask of its reader."""

    chunk_bytes: int = 512 << 20
    """A tensor is one message in one chunk: 134 million floats."""
    unpacked_bytes: int = 64 << 20
    """Of a compressed chunk, which only other writers than the agent make."""
    record_bytes: int = 16 << 20
    """Schemas, channels and messages outside chunks."""
    schemas_bytes: int = 64 << 20
    """All schemas and channels together."""
    message_bytes: int = 4 << 20
    """Any message but a tensor's."""
    frame_bytes: int = 2 << 30
    """Chunks that hold one frame's tensors."""
    frames: int = 1_000_000
    specs: int = 100_000
    specs_bytes: int = 8 << 20
    conditions: int = 4096
    """CPUs, and thermal zones."""
    chunks: int = 1_000_000
    chunk_messages: int = 1 << 20
    """Where every message is indexed."""


@dataclass(frozen=True, slots=True)
class Record:
    """One of the file's own records, `start` bytes into it."""

    opcode: int
    start: int
    body: bytes

    @property
    def end(self) -> int:
        """Where the next one starts."""
        return self.start + _RECORD.size + len(self.body)

    @property
    def head(self) -> bytes:
        """What stands before the body."""
        return _RECORD.pack(self.opcode, len(self.body))


@dataclass(frozen=True, slots=True)
class Chunk:
    """A chunk whose checksum was right."""

    start: int
    end: int
    first_time: int
    last_time: int
    compression: str
    stored_bytes: int
    records: memoryview
    """Unpacked."""


class Container:
    """Reads a file once, from its start. After it, the figures tell how far that went."""

    def __init__(self, file: IO[bytes], where: str, limits: Limits | None = None) -> None:
        self.file = file
        self.where = where
        self.limits = limits or Limits()
        self.size = file.seek(0, os.SEEK_END)
        self.read_to = 0
        """End of the last record that was whole."""
        self.chunks = 0
        self.indexed = False
        """It ends with footer and magic, as a file does that was closed."""

    def records(self) -> Iterator[Record]:
        """The file's own records; a message may be one.

        Raises:
            CaptureError: the file is no MCAP file, or a record is over its limit.
        """
        self.file.seek(0)
        magic = self.file.read(len(MAGIC))
        if not MAGIC.startswith(magic):
            raise self.error("is no capture", "name a file that the exray agent wrote")
        self.read_to = at = len(magic)
        seen = 0
        while True:
            head = self.file.read(_RECORD.size)
            if len(head) < _RECORD.size:
                return
            opcode, length = _RECORD.unpack(head)
            end = at + _RECORD.size + length
            if opcode == 0 or end > self.size:  # zeros are what a file system leaves after a crash
                return
            if opcode in READ:
                limit = self.limits.chunk_bytes if opcode == CHUNK else self.limits.record_bytes
                if length > limit:
                    raise self.error(f"record of {length} bytes at {at}, the limit is {limit}")
                seen += length if opcode in {SCHEMA, CHANNEL} else 0
                if seen > self.limits.schemas_bytes:
                    raise self.error(f"over {self.limits.schemas_bytes} bytes of schemas and channels")
                body = self.file.read(length)
                if len(body) < length:
                    return
                yield Record(opcode, at, body)
            else:
                self.file.seek(end)
            self.read_to = at = end
            if opcode == FOOTER:
                self.indexed = self.file.read(len(MAGIC)) == MAGIC
                self.read_to += len(MAGIC) * self.indexed
                return

    def chunk(self, record: Record) -> Chunk | None:
        """What a chunk record holds; None when it is not what was written, as its checksum tells.

        Raises:
            CaptureError: packed in a way or to a size that is refused.
        """
        try:
            first, last, size, crc = _CHUNK_TIMES.unpack_from(record.body)
            compression, at = _string(record.body, _CHUNK_TIMES.size)
            stored = int.from_bytes(record.body[at : at + 8], "little")
        except (struct.error, ValueError):
            return None
        packed = memoryview(record.body)[at + 8 :]
        if len(packed) != stored:
            return None
        records = packed if not compression else self._unpack(compression, packed, size)
        if records is None or len(records) != size or (crc and zlib.crc32(records) != crc):
            return None
        self.chunks += 1
        if self.chunks > self.limits.chunks:
            raise self.error(f"over {self.limits.chunks} chunks")
        return Chunk(record.start, record.end, first, last, compression, stored, records)

    def _unpack(self, compression: str, packed: memoryview, size: int) -> memoryview | None:
        if size > self.limits.unpacked_bytes:
            raise self.error(
                f"a {compression} chunk of {size} bytes, the limit is {self.limits.unpacked_bytes}",
                "write it without compression",
            )
        try:
            if compression == "zstd":
                data = _unzstd(packed, size)
            elif compression == "lz4":
                data = _unlz4(packed, size)
            else:
                raise self.error(f"a chunk is packed with {compression!r}", "write it without compression")
        except (ValueError, EOFError):
            return None
        return memoryview(data)

    def inner(self, chunk: Chunk) -> Iterator[tuple[int, int, int]]:
        """Opcode, start and end of the body of each record in a chunk, counted in `chunk.records`.

        Raises:
            CaptureError: they do not fill it.
        """
        at, records = 0, chunk.records
        total, head, unpack = len(records), _RECORD.size, _RECORD.unpack_from
        while at < total:
            if at + head > total:
                raise self.error(f"the chunk at {chunk.start} holds half a record")
            opcode, length = unpack(records, at)
            start, at = at + head, at + head + length
            if at > total:
                raise self.error(f"the chunk at {chunk.start} holds half a record")
            yield opcode, start, at

    def channel(self, body: bytes | memoryview) -> tuple[int, str, str]:
        """Id, topic and message encoding of a channel record.

        Raises:
            CaptureError: it is none.
        """
        data = bytes(body)
        try:
            number, _ = _CHANNEL.unpack_from(data)
            topic, at = _string(data, _CHANNEL.size)
            return number, topic, _string(data, at)[0]
        except (struct.error, ValueError) as e:
            raise self.error("a channel is not readable") from e

    def error(self, message: str, remedy: str = "") -> CaptureError:
        """About this file."""
        return CaptureError(message, where=self.where, remedy=remedy)


def _string(data: bytes, at: int) -> tuple[str, int]:
    """A string and where it ends. Raises ValueError when it does not fit or is not UTF-8."""
    end = at + 4 + int.from_bytes(data[at : at + 4], "little")
    if at + 4 > len(data) or end > len(data):
        raise ValueError("half a string")
    return data[at + 4 : end].decode(), end


def _unzstd(packed: memoryview, size: int) -> bytes:
    import zstandard

    # Read piece by piece: what a frame's header says of its size, and of its window, is not believed.
    found = bytearray()
    try:
        with zstandard.ZstdDecompressor(max_window_size=1 << 27).stream_reader(packed) as reader:
            while len(found) <= size and (piece := reader.read(min(_PIECE, size + 1 - len(found)))):
                found += piece
    except zstandard.ZstdError as e:
        raise ValueError(str(e)) from e
    return bytes(found)


def _unlz4(packed: memoryview, size: int) -> bytes:
    import lz4.frame  # type: ignore[import-untyped]

    found, reader, data = io.BytesIO(), lz4.frame.LZ4FrameDecompressor(), bytes(packed)
    try:
        while found.tell() <= size and not reader.eof:
            piece = reader.decompress(data, max_length=min(_PIECE, size + 1 - found.tell()))
            data = b""
            if not piece:
                break
            found.write(piece)
    except RuntimeError as e:
        raise ValueError(str(e)) from e
    return found.getvalue()
