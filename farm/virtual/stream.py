"""One stream of an adb connection, with adb's flow control: one unanswered message each way."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from farm.virtual.wire import CLSE, OKAY, WRTE, Message

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


class Stream:
    """The device's end of a stream; `send` writes a message to the connection."""

    def __init__(self, local: int, remote: int, limit: int, send: Callable[[Message], Awaitable[None]]) -> None:
        self._local = local
        self._remote = remote
        self._limit = limit
        self._send = send
        self._inbound: bytes | None = None
        self._arrived = asyncio.Event()
        self._may_write = asyncio.Event()
        self._may_write.set()
        self._writing = asyncio.Lock()
        self.history = []

    def feed(self, data: bytes) -> bool:
        """Take the data of a WRTE; False if the client has not waited for the last one's OKAY."""
        self.history.append(("in",data))
        if self._inbound is not None:
            return False
        self._inbound = data
        self._arrived.set()
        return True

    def acknowledge(self) -> None:
        """Take an OKAY."""
        self._may_write.set()

    async def read(self) -> bytes:
        """Wait for the client's next data; taking it lets the client send more."""
        await self._arrived.wait()
        data, self._inbound = self._inbound, None
        self._arrived.clear()
        self.history.append("ok")
        await self._send(Message(OKAY, self._local, self._remote))
        return data or b""

    async def write(self, data: bytes) -> None:
        """Send `data` whole, before any other writer's, each message when the client has taken the one before."""
        async with self._writing:
            view = memoryview(data)
            while view:
                await self._may_write.wait()
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
