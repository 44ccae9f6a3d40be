"""/data/local/tmp full or read-only: mounts made inside a running phone, whose own processes may mount nothing.

The phone's first process, before it gives up its rights, hands handles of its namespaces to the host process. A child of that one
enters them for a moment and mounts; it is outside the phone's process namespace, so nothing in the phone sees it.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from farm.errors import BugError, InfrastructureError
from farm.virtual import namespace
from farm.virtual.namespace import CLONE_NEWNS, CLONE_NEWUSER, MS_BIND, MS_NODEV, MS_NOSUID, MS_RDONLY, MS_REMOUNT
from farm.virtual.root import TEMPORARY

if TYPE_CHECKING:
    from collections.abc import Callable

PLACE = f"/{TEMPORARY}"
Ailment = Literal["", "full", "read-only"]
_FLAGS = MS_NOSUID | MS_NODEV
_ATTEMPTS = 20
_OVER_BYTES = 256 << 10
"""The full layer over a phone's storage that lies on the host's disk: a little room for names and white-outs."""
_NAMES = ("user", "mnt")


def hand_over(control: socket.socket) -> None:
    """Inside the phone: send the host process what it needs to mount here later."""
    with contextlib.ExitStack() as stack:
        handles = [os.open(f"/proc/self/ns/{name}", os.O_RDONLY | os.O_CLOEXEC) for name in _NAMES]
        for handle in handles:
            stack.callback(os.close, handle)
        socket.send_fds(control, [b"namespaces"], handles)


def receive(control: socket.socket) -> Storage:
    """In the host process: the storage of the phone whose first process has called `hand_over`."""
    _, handles, _, _ = socket.recv_fds(control, 64, len(_NAMES), socket.MSG_CMSG_CLOEXEC)
    if len(handles) != len(_NAMES):
        raise BugError("the phone's first process handed over no namespaces")
    return Storage(handles[0], handles[1])


@dataclass
class Storage:
    """A phone's /data/local/tmp; what is open already stays as writable as it was when it becomes read-only."""

    _user: int
    _mounts: int
    _ailment: Ailment = ""
    _bytes: int = 0
    """Its size before it was made full; 0 for one without a size of its own."""

    def become(self, ailment: Ailment) -> None:
        """Be full, read-only, or (empty) well again.

        Raises:
            InfrastructureError: the kernel refused.
        """
        if self._ailment:
            self._recover()
        if ailment == "full":
            self._bytes = self._inside(_fill)
        elif ailment == "read-only":
            self._inside(_protect)
        self._ailment = ailment

    def _recover(self) -> None:
        if self._ailment == "full" and self._bytes:
            size = self._bytes
            self._inside(lambda: _resize(size))
        else:
            self._inside(lambda: _uncover(2 if self._ailment == "full" else 1))
        self._ailment = ""

    def _inside(self, action: Callable[[], int]) -> int:
        """What `action` returns, called in the phone's mount namespace with the right to mount there."""
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                namespace.setns(self._user, CLONE_NEWUSER)
                namespace.setns(self._mounts, CLONE_NEWNS)
                os.setresgid(0, 0, 0)  # files of an owner who has no name in the namespace cannot be made
                os.setresuid(0, 0, 0)
                os.write(writer, f"0 {action()}".encode())
            except OSError as error:
                os.write(writer, f"{error.errno} {error.filename or ''}: {error.strerror}".encode()[:1000])
            finally:
                os._exit(0)
        os.close(writer)
        with os.fdopen(reader, "rb") as answers:
            code, _, text = answers.read(2048).decode(errors="replace").partition(" ")
        os.waitpid(child, 0)
        if code != "0":
            raise InfrastructureError(
                f"the kernel does not let a virtual phone's storage change: {text.strip(': ') or 'no answer'}",
                where=PLACE,
                remedy="start the phone with a size: farm virtual up --storage-mb 512",
            )
        return int(text)


def _fill() -> int:
    if namespace.is_tmpfs(PLACE):
        for _ in range(_ATTEMPTS):
            now = os.statvfs(PLACE)
            page = now.f_frsize
            try:
                _resize(max(now.f_blocks - now.f_bfree, 1) * page)
            except OSError as error:
                if error.errno != errno.EINVAL:  # it grew meanwhile
                    raise
            else:
                return now.f_blocks * page
        raise OSError(errno.EBUSY, "it grows too fast", PLACE)
    # On the host's disk: a layer without room over it. Files that are open already do not notice.
    below = os.open(PLACE, os.O_PATH)
    namespace.mount("tmpfs", PLACE, "tmpfs", _FLAGS, f"size={_OVER_BYTES},mode=771")
    try:
        for name in ("upper", "work"):
            os.mkdir(f"{PLACE}/{name}", 0o771)  # noqa: PTH102  # in another root
        owner = os.fstat(below)
        os.chown(f"{PLACE}/upper", owner.st_uid, owner.st_gid)
        os.chmod(f"{PLACE}/upper", stat.S_IMODE(owner.st_mode))  # noqa: PTH101  # in another root
        layer = os.open(PLACE, os.O_PATH)
        os.fchdir(below)
        options = f"lowerdir=.,upperdir={PLACE}/upper,workdir={PLACE}/work,userxattr"
        namespace.mount("overlay", PLACE, "overlay", _FLAGS, options)
        filler = os.open("fill", os.O_WRONLY | os.O_CREAT, 0o600, dir_fd=layer)
        with contextlib.suppress(OSError):
            while True:
                os.write(filler, bytes(4096))
    except OSError:
        _uncover(1)
        raise
    return 0


def _resize(size: int) -> int:
    namespace.mount("none", PLACE, "", MS_REMOUNT | _FLAGS, f"size={size}")
    return 0


def _protect() -> int:
    namespace.mount(PLACE, PLACE, "", MS_BIND)
    namespace.mount("none", PLACE, "", MS_BIND | MS_REMOUNT | MS_RDONLY | _FLAGS)
    return 0


def _uncover(layers: int) -> int:
    for _ in range(layers):
        namespace.unmount(PLACE)
    return 0
