"""adb's file service, run by a process inside the phone: the kernel resolves every path in the phone's own root.

The layouts are those of adb's `file_sync_protocol.h`; the texts of failures are adbd's.
"""

from __future__ import annotations

import contextlib
import io
import os
import stat
import struct
from typing import TYPE_CHECKING, BinaryIO

from farm.virtual import compression
from farm.virtual.compression import CompressionError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MAX_DATA = 64 * 1024
MAX_PATH = 1024
_BUFFER = 256 * 1024

_REQUEST = struct.Struct("<4sI")
_SEND_V2 = struct.Struct("<4sII")
_RECEIVE_V2 = struct.Struct("<4sI")
_DRY_RUN = 1 << 31
_STAT = struct.Struct("<4sIII")
_STAT_V2 = struct.Struct("<4sIQQIIIIQqqq")
_ENTRY = struct.Struct("<4sIIII")
_ENTRY_V2 = struct.Struct("<4sIQQIIIIQqqqI")


class _SessionEndError(Exception):
    """The client left, or no longer makes sense."""


def serve(source: int, sink: int) -> None:
    """Answer requests from file descriptor `source` on `sink` until the client quits or closes its end.

    Raises:
        BrokenPipeError: the client no longer reads.
    """
    reader = io.BufferedReader(io.FileIO(source, "rb"), _BUFFER)
    writer = io.BufferedWriter(io.FileIO(sink, "wb"), _BUFFER)
    session = _Session(reader, writer)
    with contextlib.suppress(_SessionEndError):
        while session.answer():
            writer.flush()
    writer.flush()


class _InvalidDataError(Exception):
    """Something else than the next piece of a file."""


class _Session:
    def __init__(self, reader: BinaryIO, writer: BinaryIO) -> None:
        self._reader = reader
        self._writer = writer
        self._done = False  # the DONE of the file being sent has been read
        self._mtime = 0
        self._services: dict[bytes, Callable[[bytes], bool]] = {
            b"STAT": self._stat,
            b"STA2": lambda path: self._stat_v2(b"STA2", path, os.stat),
            b"LST2": lambda path: self._stat_v2(b"LST2", path, os.lstat),
            b"LIST": self._list,
            b"LIS2": self._list_v2,
            b"SEND": self._send,
            b"RECV": self._receive,
            b"SND2": self._send_v2,
            b"RCV2": self._receive_v2,
        }

    def answer(self) -> bool:
        """Read one request and answer it; False when it is the last."""
        name, length = _REQUEST.unpack(self._exactly(_REQUEST.size))
        if name == b"QUIT":
            return False
        if length > MAX_PATH:
            return self._fail("path too long")
        path = self._exactly(length).split(b"\0", 1)[0]
        service = self._services.get(name)
        if service is None:
            return self._fail(f"unknown command {name.hex()}")
        return service(path)

    def _exactly(self, size: int) -> bytes:
        data = self._reader.read(size)
        if len(data) < size:
            raise _SessionEndError
        return data

    def _fail(self, what: str, error: OSError | None = None) -> bool:
        text = f"{what}: {error.strerror}" if error else what
        data = text.encode()
        self._writer.write(_REQUEST.pack(b"FAIL", len(data)) + data)
        return False

    def _stat(self, path: bytes) -> bool:
        mode = size = mtime = 0
        with contextlib.suppress(OSError):
            status = os.lstat(path)
            mode, size, mtime = status.st_mode, status.st_size & 0xFFFFFFFF, int(status.st_mtime) & 0xFFFFFFFF
        self._writer.write(_STAT.pack(b"STAT", mode, size, mtime))
        return True

    def _stat_v2(self, name: bytes, path: bytes, look: Callable[[bytes], os.stat_result]) -> bool:
        self._writer.write(_STAT_V2.pack(name, *_fields(look, path)))
        return True

    def _list(self, path: bytes) -> bool:
        for name in _names(path):
            with contextlib.suppress(OSError):
                status = os.lstat(os.path.join(path, name))  # noqa: PTH118  # bytes
                size, mtime = status.st_size & 0xFFFFFFFF, int(status.st_mtime) & 0xFFFFFFFF
                self._writer.write(_ENTRY.pack(b"DENT", status.st_mode, size, mtime, len(name)) + name)
        self._writer.write(_ENTRY.pack(b"DONE", 0, 0, 0, 0))
        return True

    def _list_v2(self, path: bytes) -> bool:
        for name in _names(path):
            fields = _fields(os.lstat, os.path.join(path, name))  # noqa: PTH118  # bytes
            self._writer.write(_ENTRY_V2.pack(b"DNT2", *fields, len(name)) + name)
        self._writer.write(_ENTRY_V2.pack(b"DONE", *(0,) * 12))
        return True

    def _receive_v2(self, path: bytes) -> bool:
        name, flags = _RECEIVE_V2.unpack(self._exactly(_RECEIVE_V2.size))
        if name != b"RCV2" or flags not in compression.KNOWN:
            return self._fail(f"unknown flags: {flags}")
        return self._receive(path, flags)

    def _receive(self, path: bytes, flags: int = compression.NONE) -> bool:
        try:
            file = open(path, "rb", 0)  # noqa: PTH123, SIM115  # bytes; closed below
        except OSError as error:
            # adbd says this of directories too, which Python refuses to open.
            return self._fail("read failed" if isinstance(error, IsADirectoryError) else "open failed", error)
        with file:
            try:
                for piece in compression.compress(flags, iter(lambda: file.read(MAX_DATA), b"")):
                    for start in range(0, len(piece), MAX_DATA):
                        data = piece[start : start + MAX_DATA]
                        self._writer.write(_REQUEST.pack(b"DATA", len(data)))
                        self._writer.write(data)
            except BrokenPipeError:
                raise
            except OSError as error:
                return self._fail("read failed", error)
        self._writer.write(_REQUEST.pack(b"DONE", 0))
        return True

    def _send_v2(self, path: bytes) -> bool:
        name, mode, flags = _SEND_V2.unpack(self._exactly(_SEND_V2.size))
        codec = flags & ~_DRY_RUN
        self._done = False
        if name != b"SND2" or codec not in compression.KNOWN:
            return self._abandon(f"unknown flags: {flags}")
        return self._send_to(path, mode, codec, dry=bool(flags & _DRY_RUN))

    def _send(self, specification: bytes) -> bool:
        self._done = False
        path, comma, digits = specification.rpartition(b",")
        if not comma or not digits.isdigit():
            return self._abandon("missing , in ID_SEND")
        return self._send_to(path, int(digits), compression.NONE, dry=False)

    def _send_to(self, path: bytes, mode: int, codec: int, *, dry: bool) -> bool:
        if dry:
            path = os.fsencode(os.devnull)
            return self._send_file(path, stat.S_IMODE(mode), codec, dry=True)
        try:
            parent = os.path.dirname(path)  # noqa: PTH120  # bytes
            if parent:
                os.makedirs(parent, 0o775, exist_ok=True)  # noqa: PTH103  # bytes
        except OSError as error:
            return self._abandon("secure_mkdirs failed", error)
        with contextlib.suppress(OSError):
            status = os.lstat(path)
            if stat.S_ISREG(status.st_mode) or stat.S_ISLNK(status.st_mode):
                os.unlink(path)  # noqa: PTH108  # bytes
        return self._send_link(path) if stat.S_ISLNK(mode) else self._send_file(path, mode, codec, dry=False)

    def _send_file(self, path: bytes, mode: int, codec: int, *, dry: bool) -> bool:
        # As adbd: what the owner may do, everyone may.
        owner = (mode >> 6) & 7
        try:
            file = open(path, "wb", 0)  # noqa: PTH123, SIM115  # bytes; closed below
        except OSError as error:
            return self._abandon("couldn't create file", error)
        with file:
            try:
                for piece in compression.decompress(codec, self._pieces()):
                    data = memoryview(piece)
                    while data:
                        data = data[file.write(data) :]
            except _InvalidDataError:
                return self._fail("invalid data message")
            except CompressionError as error:
                return self._abandon(f"decompress failed: {error}", remove=path)
            except OSError as error:
                return self._abandon("write failed", error, remove=path)
            if not dry:
                with contextlib.suppress(OSError):
                    os.fchmod(file.fileno(), (owner << 6) | (owner << 3) | owner)
        if not dry:
            return self._sent(path, self._mtime)
        self._writer.write(_REQUEST.pack(b"OKAY", 0))
        return True

    def _pieces(self) -> Iterator[bytes]:
        """The data of one file as it is sent."""
        while True:
            name, length = self._chunk()
            if name == b"DONE":
                self._done, self._mtime = True, length
                return
            if name != b"DATA" or length > MAX_DATA:
                raise _InvalidDataError
            yield self._exactly(length)

    def _send_link(self, path: bytes) -> bool:
        name, length = self._chunk()
        if name != b"DATA" or not 0 < length <= MAX_PATH:
            return self._fail("invalid data message")
        target = self._exactly(length).split(b"\0", 1)[0]
        try:
            os.symlink(target, path)  # noqa: PTH211  # bytes
        except OSError as error:
            return self._abandon("symlink failed", error)
        name, length = self._chunk()
        return self._sent(path, length) if name == b"DONE" else self._fail("invalid data message")

    def _chunk(self) -> tuple[bytes, int]:
        name, length = _REQUEST.unpack(self._exactly(_REQUEST.size))
        return name, length

    def _sent(self, path: bytes, mtime: int) -> bool:
        with contextlib.suppress(OSError):
            os.utime(path, (mtime, mtime), follow_symlinks=False)
        self._writer.write(_REQUEST.pack(b"OKAY", 0))
        return True

    def _abandon(self, what: str, error: OSError | None = None, *, remove: bytes = b"") -> bool:
        """Say why and swallow the rest of the file: a client reads the answer only when it has sent all."""
        if remove:
            with contextlib.suppress(OSError):
                os.unlink(remove)  # noqa: PTH108  # bytes
        self._fail(what, error)
        self._writer.flush()
        while not self._done:
            name, length = self._chunk()
            if name != b"DATA" or length > MAX_DATA:
                return False
            self._exactly(length)
        return False


def _names(path: bytes) -> list[bytes]:
    try:
        return [b".", b"..", *os.listdir(path)]  # noqa: PTH208  # bytes
    except OSError:
        return []


def _fields(look: Callable[[bytes], os.stat_result], path: bytes) -> tuple[int, ...]:
    """The eleven words of a version 2 status: error, device, inode, mode, links, owner, group, size and three times."""
    try:
        s = look(path)
    except OSError as error:
        return (error.errno or 0, *(0,) * 10)
    times = (int(s.st_atime), int(s.st_mtime), int(s.st_ctime))
    return (0, s.st_dev, s.st_ino, s.st_mode, s.st_nlink, s.st_uid, s.st_gid, s.st_size, *times)
