"""`adb reverse`: sockets that listen inside the phone, for one client, and lead to an address of that client's."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from farm.virtual import sockets

if TYPE_CHECKING:
    import socket
    from collections.abc import Awaitable, Callable

    from farm.virtual.processes import Processes

MAX_LISTENERS = 64
_OKAY = b"OKAY"


@dataclass
class _Listener:
    remote: str
    task: asyncio.Task[None] | None = None


class Reverse:
    """The reverse forwards of one client; `carry` takes one accepted socket to an address of the client's."""

    def __init__(self, processes: Processes, carry: Callable[[bytes, socket.socket], Awaitable[None]]) -> None:
        self._processes = processes
        self._carry = carry
        self._listeners: dict[str, _Listener] = {}
        self._carried: set[asyncio.Task[None]] = set()

    async def answer(self, request: bytes) -> bytes:
        """What adbd answers to the service `reverse:REQUEST`.

        `list-forward` is answered without the OKAY that comes before every other good answer: adb's clients know.
        """
        text = request.decode("utf-8", "replace")
        verb, _, rest = text.partition(":")
        if text == "list-forward":
            rows = (f"(reverse) {local} {listener.remote}\n" for local, listener in self._listeners.items())
            return _block("".join(rows))
        if text == "killforward-all":
            for local in list(self._listeners):
                self._remove(local)
            return _OKAY
        if verb == "killforward":
            if rest not in self._listeners:
                return _fail(f"listener '{rest}' not found")
            self._remove(rest)
            return _OKAY
        if verb == "forward":
            return await self._forward(rest)
        return _fail(f"unknown reverse request '{text[:80]}'")

    def close(self) -> None:
        """Listen no longer, and drop what was accepted."""
        for local in list(self._listeners):
            self._remove(local)
        for task in self._carried:
            task.cancel()

    def _remove(self, local: str) -> None:
        task = self._listeners.pop(local).task
        if task is not None:
            task.cancel()

    async def _forward(self, specification: str) -> bytes:
        rebind = not specification.startswith("norebind:")
        local, semicolon, remote = specification.removeprefix("norebind:").partition(";")
        place = sockets.address(local.encode())
        if not semicolon or not remote or remote.startswith("*") or place is None:
            return _fail(f"bad forward: {specification[:200]}")
        known = self._listeners.get(local)
        if known is not None and not rebind:
            return _fail("cannot rebind existing socket")
        if known is not None:
            known.remote = remote
            return _OKAY
        if len(self._listeners) >= MAX_LISTENERS:
            return _fail("cannot bind listener: too many")
        try:
            listening = await sockets.obtain(self._processes, sockets.LISTEN, local.encode())
        except OSError as error:
            return _fail(f"cannot bind listener: {error}")
        if place.path or place.port:
            self._listen(local, remote, listening)
            return _OKAY
        port = str(listening.getsockname()[1])
        self._listen(f"tcp:{port}", remote, listening)
        return _OKAY + _block(port)

    def _listen(self, local: str, remote: str, listening: socket.socket) -> None:
        listener = self._listeners[local] = _Listener(remote)
        listener.task = asyncio.get_running_loop().create_task(self._accept(listener, listening))

    async def _accept(self, listener: _Listener, listening: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        with listening:
            while True:
                accepted, _ = await loop.sock_accept(listening)
                task = loop.create_task(self._one(listener.remote.encode(), accepted))
                self._carried.add(task)
                task.add_done_callback(self._carried.discard)

    async def _one(self, remote: bytes, accepted: socket.socket) -> None:
        with accepted, contextlib.suppress(OSError):
            await self._carry(remote, accepted)


def _block(text: str) -> bytes:
    data = text.encode()[:0xFFFF]
    return b"%04x" % len(data) + data


def _fail(text: str) -> bytes:
    return b"FAIL" + _block(text)
