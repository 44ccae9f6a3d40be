"""What the host process asks of the phone's first process, and what it hears back: one datagram each.

A `Start` is followed by three file descriptors (SCM_RIGHTS): the new process's stdin, stdout and stderr.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

DESCRIPTORS = 3
MAX_DATAGRAM = 1 << 17

_HEADER = struct.Struct("<cI")
_START = struct.Struct("<???B")
_EXIT = struct.Struct("<Ii")


@dataclass(frozen=True)
class Start:
    """Start a process: the sync server, a maker of the socket that `command` asks for, or a shell for `command`."""

    id: int
    sync: bool
    socket: bool
    tty: bool
    term: str
    command: bytes


@dataclass(frozen=True)
class Kill:
    """Kill what is left of a process's group: its client has gone."""

    id: int


@dataclass(frozen=True)
class Forget:
    """The process ended in its own way; what it left in the background lives on."""

    id: int


@dataclass(frozen=True)
class KillAll:
    """Kill every process but the first: the phone goes down."""

    id: int = 0


@dataclass(frozen=True)
class Exited:
    """A process ended; `status` is its exit code, or 128 and the signal."""

    id: int
    status: int


Order = Start | Kill | Forget | KillAll


def encode_order(order: Order) -> bytes:
    """The datagram for an order."""
    if isinstance(order, Kill):
        return _HEADER.pack(b"K", order.id)
    if isinstance(order, Forget):
        return _HEADER.pack(b"F", order.id)
    if isinstance(order, KillAll):
        return _HEADER.pack(b"A", order.id)
    term = order.term.encode()
    start = _START.pack(order.sync, order.socket, order.tty, len(term))
    return _HEADER.pack(b"S", order.id) + start + term + order.command


def decode_order(datagram: bytes) -> Order:
    """The order in a datagram of `encode_order`."""
    kind, number = _HEADER.unpack_from(datagram)
    if kind == b"K":
        return Kill(number)
    if kind == b"F":
        return Forget(number)
    if kind == b"A":
        return KillAll(number)
    sync, makes_socket, tty, length = _START.unpack_from(datagram, _HEADER.size)
    start = _HEADER.size + _START.size
    term, command = datagram[start : start + length].decode(), datagram[start + length :]
    return Start(number, sync, makes_socket, tty, term, command)


def encode_exited(exited: Exited) -> bytes:
    """The datagram for the end of a process."""
    return _EXIT.pack(exited.id, exited.status)


def decode_exited(datagram: bytes) -> Exited | None:
    """The end of a process from a datagram of `encode_exited`; None for any other."""
    return Exited(*_EXIT.unpack(datagram)) if len(datagram) == _EXIT.size else None
