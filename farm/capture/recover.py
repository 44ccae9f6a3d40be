"""Write a capture that was cut off again, up to its last whole chunk, with the indexes and the summary it lost.

Chunks are copied as they stand, so that what was logged cannot change on the way.
"""

from __future__ import annotations

import io
import os
import struct
import sys
import zlib
from array import array
from typing import IO, TYPE_CHECKING

from mcap.data_stream import ReadDataStream, RecordBuilder
from mcap.exceptions import McapError
from mcap.opcode import Opcode
from mcap.records import Channel, ChunkIndex, DataEnd, Footer, Header, McapRecord, Schema, Statistics, SummaryOffset
from pydantic import BaseModel, ConfigDict

from farm.capture import container as mcap
from farm.capture.container import Container
from farm.errors import CaptureError

if TYPE_CHECKING:
    from pathlib import Path

    from farm.capture.container import Chunk, Limits, Record

_MESSAGE = struct.Struct("<HIQ")
_INDEX = struct.Struct("<BQHI")


class Recovered(BaseModel):
    """What was saved."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    out: str
    bytes: int
    chunks: int
    messages: int
    left_out_bytes: int
    """At the capture's end, from the first record that is not whole."""


def recover(capture: Path, out: Path, limits: Limits | None = None) -> Recovered:
    """Write what is whole of `capture` to `out`, which must not exist.

    Raises:
        CaptureError: `capture` is none or breaks the format's rules, not even its start is whole, or `out` exists.
    """
    if out.exists():
        raise CaptureError("exists already", where=str(out), remedy="name another file with -o")
    temporary = out.with_name(f".{out.name}.{os.getpid()}")
    try:
        with capture.open("rb") as file, temporary.open("xb") as new:
            container = Container(file, str(capture), limits)
            copy = _Copy(container, new)
            copy.run()
        temporary.replace(out)
    finally:
        temporary.unlink(missing_ok=True)
    return Recovered(
        out=str(out),
        bytes=out.stat().st_size,
        chunks=container.chunks,
        messages=sum(copy.counts.values()),
        left_out_bytes=container.size - container.read_to,
    )


class _Copy:
    """One file on its way."""

    def __init__(self, container: Container, out: IO[bytes]) -> None:
        self.container = container
        self.out = out
        self.at = 0
        self.parts: dict[tuple[int, int], bytes] = {}  # schemas and channels, by opcode and id
        self.parts_bytes = 0
        self.indexes = RecordBuilder()
        self.counts: dict[int, int] = {}
        self.times: list[int] = []  # first and last

    def run(self) -> None:
        self._write(mcap.MAGIC)
        for record in self.container.records():
            if self.at == len(mcap.MAGIC) and record.opcode != mcap.HEADER:
                raise self.container.error("does not start with a header")
            if record.opcode == mcap.HEADER:
                self._write(self._again(Header, record.body))
            elif record.opcode in {mcap.SCHEMA, mcap.CHANNEL}:
                self._write(self._part(record.opcode, record.body))
            elif record.opcode == mcap.CHUNK:
                chunk = self.container.chunk(record)
                if chunk is None:
                    break
                self._chunk(record, chunk)
            elif record.opcode == mcap.MESSAGE:
                raise self.container.error("logs messages outside chunks, which nothing vouches for")
            elif record.opcode == mcap.DATA_END:
                self.container.read_to = self.container.size  # only the old summary follows
                break
        if self.at == len(mcap.MAGIC):
            raise self.container.error("was cut off before anything was whole", "there is nothing to recover")
        self._summary()

    def _chunk(self, record: Record, chunk: Chunk) -> None:
        start, length = self.at, len(record.head) + len(record.body)
        found: dict[int, array[int]] = {}
        messages = 0
        for opcode, begin, end in self.container.inner(chunk):
            if opcode in {mcap.SCHEMA, mcap.CHANNEL}:
                head, part = begin - mcap.RECORD_HEAD, self._part(opcode, chunk.records[begin:end])
                if chunk.records[head:end] != part:  # a chunk stays as it is, so it has to be as readers want it
                    raise self.container.error(f"the chunk at {chunk.start} holds a schema or channel that is odd")
            elif opcode == mcap.MESSAGE:
                messages += 1
                self._message(chunk, begin, end, messages, found)
        self._write(record.head, record.body)
        offsets = {}
        for channel, entries in found.items():
            offsets[channel] = self.at
            data = entries if sys.byteorder == "little" else _swapped(entries)
            size = len(data) * data.itemsize
            self._write(_INDEX.pack(Opcode.MESSAGE_INDEX, 6 + size, channel, size), data.tobytes())
        index = ChunkIndex(
            chunk_start_offset=start,
            chunk_length=length,
            message_start_time=chunk.first_time,
            message_end_time=chunk.last_time,
            message_index_offsets=offsets,
            message_index_length=self.at - start - length,
            compression=chunk.compression,
            compressed_size=chunk.stored_bytes,
            uncompressed_size=len(chunk.records),
        )
        index.write(self.indexes)

    def _message(self, chunk: Chunk, begin: int, end: int, number: int, found: dict[int, array[int]]) -> None:
        limit = self.container.limits.chunk_messages
        if end - begin < _MESSAGE.size + 8 or number > limit:
            raise self.container.error(f"the chunk at {chunk.start} holds half a message, or over {limit}")
        channel, _, time = _MESSAGE.unpack_from(chunk.records, begin)
        if (mcap.CHANNEL, channel) not in self.parts:
            raise self.container.error(f"a message of channel {channel}, which it does not tell of")
        found.setdefault(channel, array("Q")).extend((time, begin - mcap.RECORD_HEAD))
        self.counts[channel] = self.counts.get(channel, 0) + 1
        self.times = [min(time, *self.times), max(time, *self.times)] if self.times else [time, time]

    def _part(self, opcode: int, body: bytes | memoryview) -> bytes:
        data = self._again(Schema if opcode == mcap.SCHEMA else Channel, bytes(body))
        self.parts[opcode, int.from_bytes(body[:2], "little")] = data
        self.parts_bytes += len(data)
        if self.parts_bytes > self.container.limits.schemas_bytes:
            raise self.container.error(f"over {self.container.limits.schemas_bytes} bytes of schemas and channels")
        return data

    def _again(self, kind: type[Header | Schema | Channel], body: bytes) -> bytes:
        """A record read and written: nothing guards those outside chunks, and one that is odd would spoil the new file."""
        try:
            return _bytes(kind.read(ReadDataStream(io.BytesIO(body))))
        except (McapError, struct.error, UnicodeError) as e:
            raise self.container.error(f"a {kind.__name__.lower()} is not readable") from e

    def _summary(self) -> None:
        self._write(_bytes(DataEnd(data_section_crc=0)))  # every chunk has its own
        schemas = [data for (opcode, _), data in self.parts.items() if opcode == mcap.SCHEMA]
        channels = [data for (opcode, _), data in self.parts.items() if opcode == mcap.CHANNEL]
        for (opcode, number), data in self.parts.items():
            schema = int.from_bytes(data[mcap.RECORD_HEAD + 2 : mcap.RECORD_HEAD + 4], "little")
            if opcode == mcap.CHANNEL and schema and (mcap.SCHEMA, schema) not in self.parts:
                raise self.container.error(f"channel {number} is of schema {schema}, which it does not tell of")
        statistics = Statistics(
            attachment_count=0,
            metadata_count=0,
            schema_count=len(schemas),
            channel_count=len(channels),
            channel_message_counts=self.counts,
            chunk_count=self.container.chunks,
            message_count=sum(self.counts.values()),
            message_start_time=self.times[0] if self.times else 0,
            message_end_time=self.times[1] if self.times else 0,
        )
        groups = (
            (Opcode.SCHEMA, b"".join(schemas)),
            (Opcode.CHANNEL, b"".join(channels)),
            (Opcode.STATISTICS, _bytes(statistics)),
            (Opcode.CHUNK_INDEX, self.indexes.end()),  # type: ignore[no-untyped-call]
        )
        start, at, offsets = self.at, self.at, b""
        for opcode, data in groups:
            if data:
                offsets += _bytes(SummaryOffset(group_opcode=opcode, group_start=at, group_length=len(data)))
            at += len(data)
        footer = _bytes(Footer(summary_start=start, summary_offset_start=at, summary_crc=0))[:-4]
        summary = b"".join((*(data for _, data in groups), offsets, footer))
        self._write(summary, zlib.crc32(summary).to_bytes(4, "little"), mcap.MAGIC)

    def _write(self, *parts: bytes) -> None:
        for part in parts:
            self.out.write(part)
            self.at += len(part)


def _swapped(entries: array[int]) -> array[int]:
    other = array("Q", entries)
    other.byteswap()
    return other


def _bytes(record: McapRecord) -> bytes:
    builder = RecordBuilder()
    record.write(builder)
    return bytes(builder.end())  # type: ignore[no-untyped-call]
