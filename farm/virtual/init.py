"""The phone's first process: starts, reaps and kills the others; when it ends, the kernel ends them all.

It is forked, not executed, so it and its sync servers share the keeper's memory.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import signal
import socket
import termios
import traceback
from typing import TYPE_CHECKING, NoReturn

from farm.virtual import sockets, sync
from farm.virtual.control import (
    DESCRIPTORS,
    MAX_DATAGRAM,
    Exited,
    Forget,
    Kill,
    KillAll,
    Start,
    decode_order,
    encode_exited,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

SHELL = "/system/bin/sh"
# What Python ignores, and what whoever started the phone may have ignored, does not pass on to its shells.
_RESET = (
    signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGCHLD, signal.SIGPIPE, signal.SIGXFSZ,
    signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU,
)  # fmt: skip
NOT_STARTED = 126
"""The exit code of a process that could not be started, as shells have it."""


def run(control: socket.socket, environment: Mapping[str, str]) -> NoReturn:
    """Serve the orders on `control` until its other end closes."""
    Init(control, environment).run()
    os._exit(0)


class Init:
    """Keeps which process group belongs to which order, so that a reused process id is never killed."""

    def __init__(self, control: socket.socket, environment: Mapping[str, str]) -> None:
        self._control = control
        self._environment = dict(environment)
        self._leaders: dict[int, int] = {}  # process id -> order id, until reaped
        self._groups: dict[int, int] = {}  # order id -> process group, while anything may be left of it
        self._wakeup, self._wakeup_signal = socket.socketpair()

    def run(self) -> None:
        """Return when the host process has gone."""
        self._wakeup.setblocking(False)
        self._wakeup_signal.setblocking(False)
        signal.set_wakeup_fd(self._wakeup_signal.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        poll = select.poll()
        poll.register(self._control, select.POLLIN)
        poll.register(self._wakeup, select.POLLIN)
        while True:
            ready = {descriptor for descriptor, _ in poll.poll()}
            if self._wakeup.fileno() in ready:
                with contextlib.suppress(BlockingIOError):
                    self._wakeup.recv(4096)
                self._reap()
            if self._control.fileno() in ready and not self._obey():
                return

    def _obey(self) -> bool:
        try:
            datagram, descriptors, _, _ = socket.recv_fds(
                self._control, MAX_DATAGRAM, DESCRIPTORS, socket.MSG_CMSG_CLOEXEC
            )
        except ConnectionResetError:
            return False
        try:
            if not datagram:
                return False
            order = decode_order(datagram)
            match order:
                case Start():
                    self._start(order, descriptors)
                case Kill():
                    self._kill(order.id)
                case Forget():
                    self._groups.pop(order.id, None)
                case KillAll():
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(-1, signal.SIGKILL)
        finally:
            for descriptor in descriptors:
                os.close(descriptor)
        return True

    def _start(self, order: Start, descriptors: list[int]) -> None:
        try:
            pid = os.fork()
        except OSError:
            self._tell(Exited(order.id, NOT_STARTED))
            return
        if pid == 0:
            status = NOT_STARTED
            try:
                self._child(order, descriptors)
                status = 0
            except BrokenPipeError:
                status = 0  # a sync server's client has gone
            except BaseException:  # nothing may run on into init's own code
                os.write(2, traceback.format_exc().encode())
            finally:
                os._exit(status)
        for old, group in list(self._groups.items()):
            if group == pid:  # that group had emptied, or the kernel would not give out its number
                del self._groups[old]
        self._leaders[pid] = order.id
        self._groups[order.id] = pid

    def _child(self, order: Start, descriptors: list[int]) -> None:
        signal.set_wakeup_fd(-1)
        if not order.sync:
            for number in _RESET:
                signal.signal(number, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_SETMASK, ())
        os.setsid()
        for target, descriptor in enumerate(descriptors):
            os.dup2(descriptor, target)
        os.closerange(DESCRIPTORS, os.sysconf("SC_OPEN_MAX"))
        if order.sync:
            sync.serve(0, 1)
            return
        if order.socket:
            sockets.serve(0, order.command)
            return
        environment = self._environment | ({"TERM": order.term} if order.term else {})
        if order.tty:
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)
        arguments = ["-c", os.fsdecode(order.command)] if order.command else ["-"] if not order.tty else []
        os.execve(SHELL, ["sh", *arguments], environment)  # noqa: S606  # the shell is what was asked for

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            number = self._leaders.pop(pid, None)
            if number is None:
                continue  # an orphan
            try:
                os.killpg(pid, 0)
            except ProcessLookupError:
                self._groups.pop(number, None)
            code = os.waitstatus_to_exitcode(status)
            self._tell(Exited(number, code if code >= 0 else 128 - code))

    def _kill(self, number: int) -> None:
        group = self._groups.pop(number, None)
        if group is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(group, signal.SIGKILL)
        if group in self._leaders:  # it may not have come to its setsid yet
            with contextlib.suppress(ProcessLookupError):
                os.kill(group, signal.SIGKILL)

    def _tell(self, exited: Exited) -> None:
        # The host process may have gone; then the poll says so next.
        with contextlib.suppress(OSError):
            self._control.send(encode_exited(exited))
