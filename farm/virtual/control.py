"""What the host process asks of the phone's first process, and what it hears back: one datagram each.

A `Start` is followed by three file descriptors (SCM_RIGHTS): the new process's stdin, stdout and stderr.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

DESCRIPTORS = 3
MAX_DATAGRAM = 1 << 17

_HEADER = struct.Struct("<cI")
_START = struct.Struct("<??B")
_EXIT = struct.Struct("<Ii")


@dataclass(frozen=True)
class Start:
    """Start a process: the sync server, or a shell for `command`."""

    id: int
    sync: bool
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
class Exited:
    """A process ended; `status` is its exit code, or 128 and the signal."""

    id: int
    status: int


Order = Start | Kill | Forget


def encode_order(order: Order) -> bytes:
    """The datagram for an order."""
    if isinstance(order, Kill):
        return _HEADER.pack(b"K", order.id)
    if isinstance(order, Forget):
        return _HEADER.pack(b"F", order.id)
    term = order.term.encode()
    return _HEADER.pack(b"S", order.id) + _START.pack(order.sync, order.tty, len(term)) + term + order.command


def decode_order(datagram: bytes) -> Order:
    """The order in a datagram of `encode_order`."""
    kind, number = _HEADER.unpack_from(datagram)
    if kind == b"K":
        return Kill(number)
    if kind == b"F":
        return Forget(number)
    sync, tty, length = _START.unpack_from(datagram, _HEADER.size)
    start = _HEADER.size + _START.size
    return Start(number, sync, tty, datagram[start : start + length].decode(), datagram[start + length :])


def encode_exited(exited: Exited) -> bytes:
    """The datagram for the end of a process."""
    return _EXIT.pack(exited.id, exited.status)


def decode_exited(datagram: bytes) -> Exited | None:
    """The end of a process from a datagram of `encode_exited`; None for any other."""
    return Exited(*_EXIT.unpack(datagram)) if len(datagram) == _EXIT.size else None
