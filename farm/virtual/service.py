"""What a client asks a phone for: the name in an OPEN message, read."""

from __future__ import annotations

import string
from dataclasses import dataclass

MAX_COMMAND = 120_000
"""Linux takes no argument over 128 KiB (MAX_ARG_STRLEN)."""

_TERM = frozenset(string.ascii_letters + string.digits + "-_.+")


@dataclass(frozen=True)
class Service:
    """A process to start in the phone and how its streams go through adb.

    `packets`: the shell protocol with exit code and split streams, else stdout and stderr as they come.
    `command` is empty for a shell that reads its commands from stdin.
    """

    sync: bool = False
    command: bytes = b""
    packets: bool = False
    tty: bool = False
    term: str = ""


def parse(name: bytes) -> Service | None:
    """The service `name` means, or None if a virtual phone has none such."""
    name = name.split(b"\0", 1)[0]
    head, colon, command = name.partition(b":")
    kind, *options = head.split(b",")
    if not colon or len(command) > MAX_COMMAND:
        return None
    if kind == b"sync" and not options and not command:
        return Service(sync=True)
    if kind == b"exec" and not options:
        return Service(command=command)
    if kind != b"shell":
        return None
    tty, packets, term = not command, False, ""
    for option in options:
        if option == b"v2":
            packets = True
        elif option in {b"raw", b"pty"}:
            tty = option == b"pty"
        elif option.startswith(b"TERM="):
            term = "".join(c for c in option[5:69].decode("ascii", "replace") if c in _TERM)
    return Service(command=command, packets=packets, tty=tty, term=term)
