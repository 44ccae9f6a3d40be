"""Archives made as they are sent: a tar, or a tar.gz, of files that need not fit into memory."""

from __future__ import annotations

import tarfile
import time
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from farm.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

CHUNK = 1 << 20
LEVEL = 1
"""Captures are compressed already; what gains are texts."""
GZIP = 31


@dataclass(frozen=True)
class Member:
    """A file of the archive: `size` bytes, in parts."""

    name: str
    size: int
    parts: Callable[[], Iterable[bytes]]

    @classmethod
    def of_bytes(cls, name: str, content: bytes) -> Member:
        """Content that is there."""
        return cls(name, len(content), lambda: (content,))

    @classmethod
    def of_file(cls, name: str, file: Path) -> Member:
        """A file of this computer, which must not change until it was read.

        Raises:
            OSError: it is not there.
        """
        return cls(name, file.stat().st_size, lambda: _read(file))


def tar(members: Iterable[Member]) -> Iterator[bytes]:
    """The bytes of a tar file (PAX).

    Raises:
        StorageError: a file is not as long as it was said to be, or was removed meanwhile.
    """
    size = 0
    for member in members:
        head = tarfile.TarInfo(member.name)
        head.size, head.mtime, head.mode = member.size, int(time.time()), 0o644
        yield (front := head.tobuf(tarfile.PAX_FORMAT))
        sent = 0
        for part in member.parts():
            sent += len(part)
            yield part
        if sent != member.size:
            raise StorageError(
                f"is {sent} bytes long instead of {member.size}", where=member.name, remedy="it changed: try again"
            )
        yield (padding := bytes(-sent % tarfile.BLOCKSIZE))
        size += len(front) + sent + len(padding)
    end = 2 * tarfile.BLOCKSIZE
    yield bytes(end + -(size + end) % tarfile.RECORDSIZE)


def gzipped(parts: Iterable[bytes]) -> Iterator[bytes]:
    """The same, compressed."""
    packer = zlib.compressobj(LEVEL, wbits=GZIP)
    for part in parts:
        if packed := packer.compress(part):
            yield packed
    yield packer.flush()


def _read(file: Path) -> Iterator[bytes]:
    try:
        with file.open("rb") as f:
            while part := f.read(CHUNK):
                yield part
    except FileNotFoundError as e:
        raise StorageError("was removed meanwhile", where=str(file), remedy="try again") from e
