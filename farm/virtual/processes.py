"""The host's side of the phone's processes: starts them through init and hears when they end."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING

from farm.virtual.control import MAX_DATAGRAM, Forget, Kill, KillAll, Order, Start, decode_exited, encode_order

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from farm.virtual.service import Service

_RETRY_SECONDS = 0.001


class Processes:
    """All processes of one phone; `on_lost` is called when the phone's init has ended."""

    def __init__(self, control: socket.socket, on_lost: Callable[[], None]) -> None:
        self._control = control
        self._on_lost = on_lost
        self._last = 0
        self._waiting: dict[int, asyncio.Future[int]] = {}
        control.setblocking(False)
        asyncio.get_running_loop().add_reader(control, self._hear)

    async def start(self, service: Service, descriptors: Sequence[int]) -> Running:
        """Start what `service` names on `descriptors`: its stdin, stdout and stderr, which the caller closes."""
        return await self._start(
            Start(self._next(), service.sync, False, service.tty, service.term, service.command), descriptors
        )

    async def make_socket(self, request: bytes, descriptors: Sequence[int]) -> Running:
        """Start the process that makes a socket (farm.virtual.sockets) and sends it over its stdin, a socket itself."""
        return await self._start(Start(self._next(), False, True, False, "", request), descriptors)

    def kill_all(self) -> None:
        """Kill every process of the phone but its first."""
        if not self._send(KillAll()):
            asyncio.get_running_loop().call_later(_RETRY_SECONDS, self.kill_all)

    def _next(self) -> int:
        self._last = self._last % 0xFFFFFFFF + 1
        return self._last

    async def _start(self, order: Start, descriptors: Sequence[int]) -> Running:
        while not self._send(order, descriptors):
            await asyncio.sleep(_RETRY_SECONDS)
        future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._waiting[order.id] = future
        return Running(order.id, future, self)

    def finish(self, order: Kill | Forget) -> None:
        """Tell init what to do with the rest of a process that nobody waits for any longer."""
        self._waiting.pop(order.id, None)
        if not self._send(order):
            asyncio.get_running_loop().call_later(_RETRY_SECONDS, self.finish, order)

    def _send(self, order: Order, descriptors: Sequence[int] = ()) -> bool:
        data = encode_order(order)
        try:
            if descriptors:
                socket.send_fds(self._control, [data], descriptors)
            else:
                self._control.send(data)
        except BlockingIOError:
            return False
        except OSError:
            self._on_lost()
        return True

    def _hear(self) -> None:
        try:
            datagram = self._control.recv(MAX_DATAGRAM)
        except BlockingIOError:
            return
        except OSError:
            datagram = b""
        exited = decode_exited(datagram)
        if exited is None:  # the end, or nothing that init would say
            asyncio.get_running_loop().remove_reader(self._control)
            self._on_lost()
            return
        future = self._waiting.pop(exited.id, None)
        if future is not None and not future.done():
            future.set_result(exited.status)


class Running:
    """One started process."""

    def __init__(self, number: int, ended: asyncio.Future[int], processes: Processes) -> None:
        self._number = number
        self._ended = ended
        self._processes = processes

    async def wait(self) -> int:
        """Its exit code, or 128 and the signal that ended it."""
        return await self._ended

    def kill(self) -> None:
        """Kill its process group."""
        self._processes.finish(Kill(self._number))

    def forget(self) -> None:
        """Let what it left in the background live on."""
        self._processes.finish(Forget(self._number))
