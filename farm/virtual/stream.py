"""One stream of an adb connection, with adb's flow control: a message each way, and the next when it is answered."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

from farm.virtual.wire import CLSE, MAX_PAYLOAD, OKAY, WRTE, Message

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

MAX_UNREAD = 4 * MAX_PAYLOAD


class Stream:
    """The device's end of a stream; `send` writes a message to the connection.

    `remote` is 0 for a stream that we have asked the client for, until `opened` says its number.
    """

    def __init__(self, local: int, remote: int, limit: int, send: Callable[[Message], Awaitable[None]]) -> None:
        self._local = local
        self._remote = remote
        self._limit = limit
        self._send = send
        self._unread: deque[bytes] = deque()
        self._unread_bytes = 0
        self._arrived = asyncio.Event()
        self._may_write = asyncio.Event()
        self._may_write.set()
        self._writing = asyncio.Lock()
        self._ended = False

    def feed(self, data: bytes) -> bool:
        """Take the data of a WRTE; False if too much has come without leave.

        An adb server waits for each OKAY until its client closes the stream; then it sends what it still has at once.
        """
        if self._unread_bytes + len(data) > MAX_UNREAD:
            return False
        self._unread.append(data)
        self._unread_bytes += len(data)
        self._arrived.set()
        return True

    def acknowledge(self) -> None:
        """Take an OKAY."""
        self._may_write.set()

    @property
    def ended(self) -> bool:
        """Whether the client has closed."""
        return self._ended

    def opened(self, remote: int) -> None:
        """Take the first OKAY of a stream that we asked for."""
        self._remote = remote

    def end(self) -> None:
        """Take the client's CLSE: what has come can still be read, and nothing can be written."""
        self._ended = True
        self._arrived.set()
        self._may_write.set()

    async def read(self) -> bytes:
        """Wait for the client's next data; taking it lets the client send more. Empty: the client has closed."""
        await self._arrived.wait()
        if not self._unread:
            return b""
        data = self._unread.popleft()
        self._unread_bytes -= len(data)
        if not self._ended:
            if not self._unread:
                self._arrived.clear()
            await self._send(Message(OKAY, self._local, self._remote))
        return data

    async def write(self, data: bytes) -> None:
        """Send `data` whole, before any other writer's, each message when the client has taken the one before.

        Raises:
            BrokenPipeError: the client has closed.
        """
        async with self._writing:
            view = memoryview(data)
            while view:
                await self._may_write.wait()
                if self._ended:
                    raise BrokenPipeError("the client has closed the stream")
                self._may_write.clear()
                await self._send(Message(WRTE, self._local, self._remote, bytes(view[: self._limit])))
                view = view[self._limit :]

    async def drain(self) -> None:
        """Wait until the client has taken the last of what was written, as adbd does before it closes."""
        async with self._writing:
            await self._may_write.wait()

    async def close(self) -> None:
        """Say that no more will come."""
        await self._send(Message(CLSE, self._local, self._remote))
