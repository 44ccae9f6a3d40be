"""The TCP port a phone listens on: it can be closed and opened again, and stays the phone's own meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from farm.virtual.link import Link

LOOPBACK = "127.0.0.1"
_EMULATOR_PORTS = range(5555, 5586)
"""adb servers look here by themselves and would show the phone a second time, as an emulator."""
_BACKLOG = 16
_BUFFER = 1 << 20


def reserve() -> socket.socket:
    """A socket bound to a free port of the loopback interface, which keeps others off it and does not listen itself."""
    with contextlib.ExitStack() as refused:
        while True:
            bound = socket.socket()
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            bound.bind((LOOPBACK, 0))
            if bound.getsockname()[1] not in _EMULATOR_PORTS:
                return bound
            refused.enter_context(bound)  # kept until then, lest we get it again


class Door:
    """Accepts connections while it is open."""

    def __init__(
        self,
        reserved: socket.socket,
        link: Link,
        accept: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
    ) -> None:
        self._reserved = reserved
        self._link = link
        self._accept = accept
        self._server: asyncio.Server | None = None
        self._on_link = contextlib.ExitStack()

    async def open(self) -> None:
        """Listen; no matter if it does already.

        Raises:
            OSError: another program has taken the port in spite of the reservation.
        """
        if self._server is not None:
            return
        listener = socket.create_server((LOOPBACK, self._reserved.getsockname()[1]), backlog=_BACKLOG)
        self._on_link.enter_context(self._link.carries(listener))
        self._server = await asyncio.start_server(self._accept, sock=listener, limit=_BUFFER)

    def close(self) -> None:
        """Refuse new connections; those there are go on."""
        if self._server is not None:
            self._on_link.close()
            self._server.close()
            self._server = None
