"""Artifacts: immutable files named by their sha256.

Written to a temporary name, hashed, then renamed, so that a name never stands for half a file.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import tempfile
from pathlib import Path
from typing import IO, TYPE_CHECKING

from farm.errors import BugError, StorageError

if TYPE_CHECKING:
    from collections.abc import Iterable

CHUNK = 1 << 20
BATCH_BYTES, BATCH_PARTS = 4 << 20, 512
"""Parts written at once: many small writes take half as long again."""
_SHA256 = re.compile(r"[0-9a-f]{64}")


class MismatchError(StorageError):
    """The bytes are not those that were announced."""


class ArtifactStore:
    """A folder of artifacts: `<folder>/ab/cdef...`. Safe for several processes at once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, sha256: str) -> Path:
        """Where the artifact is, or would be.

        Raises:
            BugError: `sha256` is not 64 lower-case hex digits (so that no name can leave the folder).
        """
        if not _SHA256.fullmatch(sha256):
            raise BugError(f"not a sha256: {sha256!r}", where="artifact store")
        return self.folder / sha256[:2] / sha256[2:]

    def has(self, sha256: str) -> bool:
        """Whether the artifact is stored."""
        return self.path(sha256).is_file()

    def use(self, sha256: str) -> bool:
        """Whether it is stored; if so, it counts as used now, and retention lets it be for a while."""
        try:
            os.utime(self.path(sha256))
        except FileNotFoundError:
            return False
        return True

    def remove(self, sha256: str, *, unused_since: float) -> bool:
        """Remove an artifact, unless it was used after `unused_since` (Unix seconds); whether it is gone."""
        path, away = self.path(sha256), self.folder / f"old-{sha256}"
        try:
            if path.stat().st_mtime > unused_since:
                return False
            path.rename(away)  # from here on nobody finds it, and whoever did find it before shows in its time
            if away.stat().st_mtime > unused_since:
                away.rename(path)
                return False
        except FileNotFoundError:
            return False
        away.unlink(missing_ok=True)
        return True

    def read(self, sha256: str) -> bytes:
        """The artifact's bytes.

        Raises:
            StorageError: it is not stored.
        """
        try:
            return self.path(sha256).read_bytes()
        except FileNotFoundError as e:
            raise StorageError(
                f"artifact {sha256[:12]} is not stored", where=str(self.folder), remedy="submit the job again"
            ) from e

    def put(self, data: bytes) -> str:
        """Store `data`; its sha256."""
        return self.put_stream((data,))

    def put_file(self, file: Path) -> str:
        """Store a copy of `file`; its sha256."""
        with file.open("rb") as f:
            return self.put_stream(iter(lambda: f.read(CHUNK), b""))

    def put_stream(self, parts: Iterable[bytes | memoryview], *, expected: str | None = None) -> str:
        """Store the concatenation of `parts`; its sha256.

        Raises:
            MismatchError: the bytes are not those of `expected`.
            StorageError: no room.
        """
        digest = hashlib.sha256()
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            with tempfile.NamedTemporaryFile(dir=self.folder, prefix="new-", delete=False) as f:
                temporary = Path(f.name)
                try:
                    _write(f, parts, digest)
                except BaseException:
                    temporary.unlink(missing_ok=True)
                    raise
        except OSError as e:
            if e.errno in (errno.ENOSPC, errno.EDQUOT):
                raise StorageError("no room left", where=str(self.folder), remedy="free some space") from e
            raise
        sha256 = digest.hexdigest()
        if expected is not None and sha256 != expected:
            temporary.unlink(missing_ok=True)
            raise MismatchError(
                f"got bytes of {sha256[:12]}, expected {expected[:12]}",
                where=str(self.folder),
                remedy="send them again",
            )
        final = self.path(sha256)
        final.parent.mkdir(exist_ok=True)
        temporary.replace(final)
        return sha256


def _write(f: IO[bytes], parts: Iterable[bytes | memoryview], digest: hashlib._Hash) -> None:
    waiting: list[bytes | memoryview] = []
    size = 0
    for part in parts:
        digest.update(part)
        waiting.append(part)
        size += len(part)
        if size >= BATCH_BYTES or len(waiting) >= BATCH_PARTS:
            _write_all(f, waiting, size)
            waiting, size = [], 0
    _write_all(f, waiting, size)
    os.fsync(f.fileno())


def _write_all(f: IO[bytes], parts: list[bytes | memoryview], size: int) -> None:
    done = os.writev(f.fileno(), parts)
    if done < size:
        f.write(b"".join(parts)[done:])
        f.flush()


def sha256_of(file: Path) -> str:
    """The sha256 of a file's bytes, in hex."""
    with file.open("rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()
