"""What a client asks a phone for: the name in an OPEN message, read."""

from __future__ import annotations

import string
from dataclasses import dataclass

from farm.virtual import sockets

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

    @property
    def outlives_client(self) -> bool:
        """Whether it goes on when its client closes, until it has read the last of its input (`adb exec-in`)."""
        return not (self.sync or self.packets or self.tty)


@dataclass(frozen=True)
class Connect:
    """A socket of the phone's, where `adb forward` leads."""

    place: bytes


@dataclass(frozen=True)
class ReverseRequest:
    """What is behind `reverse:`."""

    request: bytes


@dataclass(frozen=True)
class Answer:
    """A text, and then the end; `restarts`: adbd leaves and comes back."""

    text: bytes
    restarts: bool = False


@dataclass(frozen=True)
class Reboot:
    """Down, and up again."""


Wanted = Service | Connect | ReverseRequest | Answer | Reboot


def parse(name: bytes, *, shell_v2: bool = True) -> Wanted | None:
    """The service `name` means, or None if a virtual phone has none such; without `shell_v2` as before Android 7."""
    name = name.split(b"\0", 1)[0]
    head, colon, command = name.partition(b":")
    kind, *options = head.split(b",")
    if not colon or len(command) > MAX_COMMAND:
        return None
    if kind == b"sync" and not options and not command:
        return Service(sync=True)
    if kind == b"exec" and not options:
        return Service(command=command)
    if kind == b"reverse" and not options:
        return ReverseRequest(command)
    if kind == b"shell":
        return _shell(options, command) if shell_v2 or not options else None
    if not options and sockets.address(name) is not None:
        return Connect(name)
    return _control(head, command)


def _shell(options: list[bytes], command: bytes) -> Service:
    tty, packets, term = not command, False, ""
    for option in options:
        if option == b"v2":
            packets = True
        elif option in {b"raw", b"pty"}:
            tty = option == b"pty"
        elif option.startswith(b"TERM="):
            term = "".join(c for c in option[5:69].decode("ascii", "replace") if c in _TERM)
    return Service(command=command, packets=packets, tty=tty, term=term)


def _control(head: bytes, argument: bytes) -> Answer | Reboot | None:
    """What restarts or changes adbd, in the words a user build's adbd has for it (AOSP, daemon/restart_service.cpp)."""
    match head:
        case b"root":
            return Answer(b"adbd cannot run as root in production builds\n")
        case b"unroot":
            return Answer(b"adbd not running as root\n")
        case b"remount":
            return Answer(b'Not running as root. Try "adb root" first.\n')
        case b"disable-verity" | b"enable-verity":
            return Answer(b"verity cannot be disabled/enabled - USER build\n")
        case b"tcpip":
            if not argument.isdigit() or not 0 < int(argument[:9]) <= 0xFFFF:
                return Answer(b"invalid port\n")
            return Answer(b"restarting in TCP mode port: " + argument + b"\n", restarts=True)
        case b"usb":
            return Answer(b"restarting in USB mode\n", restarts=True)
        case b"reboot":
            if argument.startswith(b"sideload"):
                return Answer(b"'adb root' is required for 'adb reboot sideload'.\n")
            return Reboot()
    return None
