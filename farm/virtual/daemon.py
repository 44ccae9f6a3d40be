"""The phone's adb daemon, as its host process runs it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import socket
from typing import TYPE_CHECKING

from farm.virtual.connection import Connection
from farm.virtual.processes import Processes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

FEATURES = ("shell_v2", "stat_v2", "ls_v2", "fixed_push_mkdir", "fixed_push_symlink_timestamp")
MAX_CONNECTIONS = 16
_EMULATOR_PORTS = range(5555, 5586)
"""adb servers look here by themselves and would show the phone a second time, as an emulator."""


def banner(properties: Mapping[str, str]) -> bytes:
    """What the daemon says of the phone when a client connects."""
    names = ("ro.product.name", "ro.product.model", "ro.product.device")
    words = [*(f"{name}={properties[name]}" for name in names), f"features={','.join(FEATURES)}"]
    return f"device::{';'.join(words)}".encode()


def listen() -> socket.socket:
    """A listening socket on a free port of the loopback interface."""
    with contextlib.ExitStack() as refused:
        while True:
            listener = socket.create_server(("127.0.0.1", 0), backlog=16)
            if listener.getsockname()[1] not in _EMULATOR_PORTS:
                return listener
            refused.enter_context(listener)  # kept until then, lest we get it again


def run(control: socket.socket, text: bytes, listener: socket.socket, on_ready: Callable[[], None]) -> None:
    """Serve clients of `listener`, with processes made through `control`, until the phone's init ends."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 1 << 16), hard))
    asyncio.run(_serve(control, text, listener, on_ready))


async def _serve(control: socket.socket, text: bytes, listener: socket.socket, on_ready: Callable[[], None]) -> None:
    lost = asyncio.Event()
    processes = Processes(control, lost.set)
    open_connections = 0

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal open_connections
        if open_connections >= MAX_CONNECTIONS:
            writer.close()
            return
        open_connections += 1
        # asyncio does it only for sockets made with an explicit protocol, which an accepted one is not.
        writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            await Connection(reader, writer, text, processes).serve()
        finally:
            open_connections -= 1

    server = await asyncio.start_server(accept, sock=listener, limit=1 << 20)
    on_ready()
    await lost.wait()
    server.close()
    os._exit(1)
