"""The MCAP file of a capture, in chunks that are written whole."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING

from mcap.writer import CompressionType, Writer

from exray.messages import DESCRIPTORS
from exray.version import __version__

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from exray.ring import Record

CHUNK = 64 << 10
MESSAGE = 31
"""Bytes of a message's record in the file, beside the message."""


class Sink:
    """A file without a buffer: what stood in one would be written twice, by a child that is forked off, too."""

    def __init__(self, path: str | Path) -> None:
        self._file = open(path, "wb", buffering=0)  # noqa: PTH123, SIM115  # bytes and any path-like; closed by `close`
        self.size = 0

    def write(self, data: bytes) -> int:
        """All of it."""
        rest = memoryview(data)
        while rest:
            rest = rest[self._file.write(rest) :]
        self.size += len(data)
        return len(data)

    def tell(self) -> int:
        """Where the next byte goes."""
        return self.size

    def flush(self) -> None:
        """Nothing waits here."""

    def close(self) -> None:
        """Some file systems tell of a full disk only here."""
        self._file.close()


class Container:
    """Every method raises `OSError` where the file cannot be written; after that only `abandon` may follow."""

    def __init__(self, path: str | Path, topics: Mapping[str, str]) -> None:
        """`topics`: message of exray.proto to its channel's."""
        self._sink = Sink(path)
        # Chunks are ours to end: the byte budget counts them.
        self._writer = Writer(
            self._sink,  # type: ignore[arg-type]  # it asks for more than it uses
            chunk_size=sys.maxsize,
            compression=CompressionType.NONE,
        )
        self._channels, self._sequences = {}, dict.fromkeys(topics, 0)
        for name, topic in topics.items():
            schema = self._writer.register_schema(f"exray.{name}", "protobuf", DESCRIPTORS)
            self._channels[name] = self._writer.register_channel(topic, "protobuf", schema)
        self._waiting = 0
        self.chunks = 0

    def begin(self) -> None:
        """The file's head; before all else."""
        self._writer.start("exray", f"exray {__version__} python")

    @property
    def size(self) -> int:
        """Bytes written."""
        return self._sink.size

    def write(self, record: Record) -> None:
        """Into the chunk that is being filled, which is written when it is full."""
        name = record.channel
        self._writer.add_message(
            self._channels[name], record.time, record.message, record.time, sequence=self._sequences[name]
        )
        self._sequences[name] += 1
        self._waiting += MESSAGE + len(record.message)
        if self._waiting > CHUNK:
            self.flush()

    def flush(self) -> None:
        """The chunk that is being filled, if it holds anything."""
        if self._waiting:
            self._writer.flush()  # type: ignore[no-untyped-call]
            self._waiting, self.chunks = 0, self.chunks + 1

    def finish(self) -> None:
        """The index, and the end."""
        self.flush()
        self._writer.finish()  # type: ignore[no-untyped-call]
        self._sink.close()

    def abandon(self) -> None:
        """As it is."""
        with contextlib.suppress(OSError):
            self._sink.close()
