"""Carries an adb stream to a socket and back."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from farm.virtual.stream import Stream

CHUNK = 256 * 1024


async def bridge(stream: Stream, end: socket.socket) -> None:
    """Copy both ways until either side closes; what a closing client has sent arrives first. `end` is not blocking."""
    loop = asyncio.get_running_loop()

    async def inward() -> None:
        with contextlib.suppress(OSError):
            while data := await stream.read():
                await loop.sock_sendall(end, data)
            end.shutdown(socket.SHUT_WR)

    async def outward() -> None:
        with contextlib.suppress(OSError):
            while data := await loop.sock_recv(end, CHUNK):
                await stream.write(data)
            await stream.drain()

    tasks = {loop.create_task(inward()), loop.create_task(outward())}
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
