"""Sockets in a phone's own network, for `adb forward` and `adb reverse`: made by a process inside, used from outside.

That process hands the socket over and ends, so that nothing runs in the phone while a forward waits.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from farm.virtual.processes import Processes

CONNECT, LISTEN = b"connect ", b"listen "
MAX_NAME = 107
"""What sockaddr_un holds, without the leading zero of an abstract name."""
_TIMEOUT_S = 5.0
_BACKLOG = 16
_LOOPBACK = "127.0.0.1"
_RESERVED = "/dev/socket/"
_HOSTS = {b"", b"localhost", b"127.0.0.1"}
"""A phone has no other network."""


@dataclass(frozen=True)
class Address:
    """Where to connect or listen: a port of the phone, or a Unix socket (abstract names start with a zero byte)."""

    port: int = 0
    path: bytes = b""


def address(text: bytes) -> Address | None:
    """What adb writes as `tcp:[localhost:]PORT`, `localabstract:`, `localreserved:`, `localfilesystem:`, `local:`."""
    kind, colon, rest = text.partition(b":")
    if not colon or not rest or b"\0" in rest:
        return None
    if kind == b"tcp":
        host, _, port = rest.rpartition(b":")
        if not port.isdigit() or len(port) > 5 or int(port) > 0xFFFF or host not in _HOSTS:
            return None
        return Address(int(port))
    prefix = {
        b"localabstract": b"\0", b"localfilesystem": b"", b"localreserved": _RESERVED.encode(), b"local": _RESERVED.encode(),
    }.get(kind)  # fmt: skip
    path = b"" if prefix is None else prefix + rest
    return Address(path=path) if path and len(path) <= MAX_NAME else None


async def obtain(processes: Processes, what: bytes, place: bytes) -> socket.socket:
    """A socket of the phone's, connected to or listening at `place` (`what` is CONNECT or LISTEN), not blocking.

    Raises:
        OSError: the phone's network refused; its text says why.
    """
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours:
        ours.setblocking(False)
        with theirs, contextlib.ExitStack() as stack:
            null = os.open(os.devnull, os.O_RDWR)
            stack.callback(os.close, null)
            process = await processes.make_socket(what + place, [theirs.fileno(), null, 2])
        try:
            data, descriptors = await _receive(ours)
        finally:
            process.forget()
    if descriptors:
        made = socket.socket(fileno=descriptors[0])
        made.setblocking(False)
        return made
    raise OSError(data.decode(errors="replace") or "the phone's process ended")


async def _receive(channel: socket.socket) -> tuple[bytes, list[int]]:
    loop = asyncio.get_running_loop()
    ready = loop.create_future()
    loop.add_reader(channel, lambda: None if ready.done() else ready.set_result(None))
    try:
        await ready
    finally:
        loop.remove_reader(channel)
    data, descriptors, _, _ = socket.recv_fds(channel, 1024, 1, socket.MSG_CMSG_CLOEXEC)
    return data, descriptors


def serve(descriptor: int, request: bytes) -> None:
    """Inside the phone: make what `request` asks for and send it over the socket `descriptor`, or say why not."""
    with socket.socket(fileno=descriptor) as channel:
        try:
            made = _make(request)
        except OSError as error:
            channel.send((error.strerror or str(error)).encode()[:1000])
            return
        with made:
            socket.send_fds(channel, [b"made"], [made.fileno()])


def _make(request: bytes) -> socket.socket:
    listens = request.startswith(LISTEN)
    place = address(request.split(b" ", 1)[1])
    if place is None:
        raise OSError("unknown socket specification")
    if not place.path:
        if listens:
            return socket.create_server((_LOOPBACK, place.port), backlog=_BACKLOG)
        made = socket.socket()
    else:
        made = socket.socket(socket.AF_UNIX)
    try:
        made.settimeout(_TIMEOUT_S)
        if listens:
            made.bind(place.path)
            made.listen(_BACKLOG)
        else:
            made.connect(place.path or (_LOOPBACK, place.port))
    except BaseException:
        made.close()
        raise
    return made
