"""A command on a device as a stream of frames: what it prints as it prints it, then how it ended.

A frame is a kind (one byte), a length (four, little-endian) and so many bytes: adb's own shell protocol, with one kind added.
"""

from __future__ import annotations

import contextlib
import queue
import struct
import threading
from typing import TYPE_CHECKING

from farm.errors import FarmError, InfrastructureError
from farm.report.document import Failure

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from farm.fleet.adb import AdbDevice

STDOUT, STDERR, EXIT, ERROR = 1, 2, 3, 9
"""EXIT: one byte. ERROR: a Failure in JSON; the last frame, instead of EXIT."""
HEAD = struct.Struct("<BI")
LIMIT_BYTES = 1 << 20
"""Of one frame."""
AT_ONCE = 16
WAITING = 64
"""Frames kept for a reader that is slow; the command waits then."""
LOOK_S = 0.25
_seats = threading.BoundedSemaphore(AT_ONCE)


class Stream:
    """A command at work in a thread of its own. `close` it, or it goes on to its deadline.

    Raises:
        InfrastructureError: too many at once.
    """

    def __init__(self, device: AdbDevice, command: str, deadline_s: float) -> None:
        if not _seats.acquire(blocking=False):
            raise InfrastructureError(f"{AT_ONCE} commands are under way", where=device.serial, remedy="try again")
        self._frames: queue.Queue[bytes | None] = queue.Queue(WAITING)
        self._closed = threading.Event()
        self._device, self._command, self._deadline_s = device, command, deadline_s
        threading.Thread(target=self._run, name=f"shell {device.serial}", daemon=True).start()

    def close(self) -> None:
        """Nobody reads any more."""
        self._closed.set()

    def next(self) -> bytes | None:
        """The next frame; empty when there is none yet, None after the last."""
        try:
            return self._frames.get(timeout=LOOK_S)
        except queue.Empty:
            return b""

    def _run(self) -> None:
        try:
            done = self._device.script(
                self._command, self._deadline_s, on_stdout=lambda data: self._put(STDOUT, data), on_idle=self._check
            )
            if done.stderr:
                self._put(STDERR, done.stderr)
            self._put(EXIT, bytes([done.exit_code]))
        except _NobodyError:
            pass
        except FarmError as e:
            with contextlib.suppress(_NobodyError):
                self._put(ERROR, Failure.of(e).model_dump_json().encode())
        finally:
            _seats.release()
            with contextlib.suppress(_NobodyError):
                self._offer(None)

    def _put(self, kind: int, data: bytes) -> None:
        for start in range(0, max(1, len(data)), LIMIT_BYTES):
            piece = data[start : start + LIMIT_BYTES]
            self._offer(HEAD.pack(kind, len(piece)) + piece)

    def _offer(self, frame: bytes | None) -> None:
        while True:
            self._check()
            try:
                self._frames.put(frame, timeout=LOOK_S)
            except queue.Full:
                continue
            return

    def _check(self) -> None:
        if self._closed.is_set():
            raise _NobodyError


class _NobodyError(Exception):
    """The reader has gone."""


def read(parts: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    """Kind and content of each frame, out of a stream cut anywhere.

    Raises:
        InfrastructureError: it ended in the middle, or is not such a stream.
    """
    rest = bytearray()
    for part in parts:
        rest += part
        while len(rest) >= HEAD.size:
            kind, length = HEAD.unpack_from(rest)
            if length > LIMIT_BYTES or kind not in {STDOUT, STDERR, EXIT, ERROR}:
                raise InfrastructureError(
                    "this is no stream of frames", where="daemon", remedy="is it of another version?"
                )
            if len(rest) < HEAD.size + length:
                break
            yield kind, bytes(rest[HEAD.size : HEAD.size + length])
            del rest[: HEAD.size + length]
    if rest:
        raise InfrastructureError("the stream broke off", where="daemon", remedy="try again")
