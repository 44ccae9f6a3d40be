"""The phone's adb daemon, as its host process runs it."""

from __future__ import annotations

import asyncio
import os
import resource
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING

from farm.virtual import compression, storage, switch
from farm.virtual.auth import Guard, Policy
from farm.virtual.condition import Condition
from farm.virtual.connection import Connection
from farm.virtual.door import Door
from farm.virtual.installer import Installer
from farm.virtual.processes import Processes
from farm.virtual.trouble import Trouble

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from farm.virtual.profile import Profile

FEATURES = (
    "shell_v2", "stat_v2", "ls_v2", "fixed_push_mkdir", "fixed_push_symlink_timestamp",
    *compression.FEATURES, "sendrecv_v2_dry_run_send",
)  # fmt: skip
MAX_CONNECTIONS = 16
RESTART_S = 0.2
"""How long adbd is away when it only restarts."""


@dataclass(frozen=True)
class Manner:
    """How a phone behaves towards adb, for as long as it lives."""

    auth: Policy = "open"
    features: tuple[str, ...] = FEATURES
    reboot_s: float = 5.0
    """Seconds that `adb reboot` takes."""


def banner(properties: Mapping[str, str], features: tuple[str, ...] = FEATURES) -> bytes:
    """What the daemon says of the phone when a client connects."""
    names = ("ro.product.name", "ro.product.model", "ro.product.device")
    words = [*(f"{name}={properties[name]}" for name in names), f"features={','.join(features)}"]
    return f"device::{';'.join(words)}".encode()


@dataclass(frozen=True)
class Place:
    """Where a phone is: the channel to its first process, its folder and root tree, its port."""

    control: socket.socket
    folder: Path
    tree: Path
    reserved: socket.socket
    profile: Profile


def run(place: Place, text: bytes, manner: Manner, on_ready: Callable[[], None]) -> None:
    """Serve clients, with the banner `text`, until the phone's first process ends."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 1 << 16), hard))
    asyncio.run(_Daemon(place, text, manner).serve(on_ready))


class _Daemon:
    def __init__(self, place: Place, text: bytes, manner: Manner) -> None:
        self._place = place
        self._text = text
        self._manner = manner
        self._connections: set[Connection] = set()
        self._restarting: asyncio.Task[None] | None = None

    async def serve(self, on_ready: Callable[[], None]) -> None:
        place = self._place
        lost = asyncio.Event()
        store = storage.receive(place.control)
        self._processes = Processes(place.control, lost.set)
        self._condition = Condition(Guard(self._manner.auth), "shell_v2" in self._manner.features, self._restart)
        self._door = Door(place.reserved, self._condition.link, self._accept)
        trouble = Trouble(self._condition, store, place.tree, self._drop_all)
        self._installer = Installer(place.tree, place.profile)
        await self._door.open()
        switchboard = await switch.listen(place.folder, trouble.handle)
        on_ready()
        async with switchboard:
            await lost.wait()
        os._exit(1)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # asyncio sets it only where the socket was made with a protocol number; without it every answer waits 40 ms.
        writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if len(self._connections) >= MAX_CONNECTIONS:
            writer.close()
            return
        connection = Connection(reader, writer, self._text, self._processes, self._condition)
        self._connections.add(connection)
        try:
            # A task of its own: asyncio does not expect that the one it made is cancelled.
            await asyncio.wait({asyncio.get_running_loop().create_task(connection.serve())})
        finally:
            self._connections.discard(connection)

    def _drop_all(self, reset: bool) -> None:
        for connection in list(self._connections):
            connection.drop(reset=reset)

    def _restart(self, seconds: float | None) -> None:
        """Leave: a whole phone for its time of a reboot (None) or `seconds`; adbd alone (0) for a moment."""
        if self._restarting is None or self._restarting.done():
            self._restarting = asyncio.get_running_loop().create_task(self._away(seconds))

    async def _away(self, seconds: float | None) -> None:
        self._door.close()
        self._drop_all(False)
        self._processes.kill_all()
        await asyncio.sleep(self._manner.reboot_s if seconds is None else max(seconds, RESTART_S))
        await self._door.open()
