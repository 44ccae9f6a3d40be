"""What carries a phone's connections: it can be cut, and it can be slow."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import socket
import struct
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

SENT, RECEIVED = 0, 1
_SO_ATTACH_FILTER, _SO_DETACH_FILTER = 26, 27
_DROP_ALL = struct.pack("=HBBI", 0x06, 0, 0, 0)  # classic BPF: return 0 bytes of every packet


class Socket(Protocol):
    """A socket, or asyncio's view of one."""

    def setsockopt(self, level: int, option: int, value: int | bytes, /) -> None:
        """As in `socket`."""


class Link:
    """One cable for all connections of a phone, each way with the bandwidth to itself."""

    def __init__(self) -> None:
        self._sockets: set[Socket] = set()
        self._whole = asyncio.Event()
        self._whole.set()
        self._changed = asyncio.Event()
        self._bytes_s = 0.0
        self._latency_s = 0.0
        self._busy_until = [0.0, 0.0]

    @contextlib.contextmanager
    def carries(self, end: Socket) -> Iterator[None]:
        """Let the cuts of the link be cuts of this socket, too."""
        self._sockets.add(end)
        try:
            if not self._whole.is_set():
                _deafen(end)
            yield
        finally:
            self._sockets.discard(end)

    def cut(self) -> None:
        """Let every packet vanish: what comes is dropped before TCP sees it, so that nothing is acknowledged."""
        self._whole.clear()
        for end in self._sockets:
            _deafen(end)

    def mend(self) -> None:
        """Undo `cut`: what was sent meanwhile is sent again by whoever still cares."""
        for end in self._sockets:
            with contextlib.suppress(OSError):
                end.setsockopt(socket.SOL_SOCKET, _SO_DETACH_FILTER, 0)
        self._whole.set()

    def limit(self, bytes_s: float = 0.0, latency_s: float = 0.0) -> None:
        """Be this slow (bytes per second and seconds, each way); zeros are no limit."""
        self._bytes_s, self._latency_s = bytes_s, latency_s
        self._busy_until = [0.0, 0.0]
        self._changed.set()
        self._changed = asyncio.Event()

    async def carry(self, way: int, size: int) -> None:
        """Return when `size` bytes have come through, one way."""
        await self._whole.wait()
        if not self._bytes_s and not self._latency_s:
            return
        changed, now = self._changed, asyncio.get_running_loop().time()
        self._busy_until[way] = max(now, self._busy_until[way]) + (size / self._bytes_s if self._bytes_s else 0.0)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._busy_until[way] - now + self._latency_s):
                await changed.wait()
        await self._whole.wait()


def _deafen(end: Socket) -> None:
    code = ctypes.create_string_buffer(_DROP_ALL)
    program = struct.pack("@HP", 1, ctypes.addressof(code))
    with contextlib.suppress(OSError):  # it has just been closed
        end.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, program)
