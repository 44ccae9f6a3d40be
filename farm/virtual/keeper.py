"""The keeper of one phone: makes its namespaces, starts its two processes, and cleans up when either has ended.

    keeper -- outside: waits; ends the phone with its owner; removes its folder
    |-- host process -- outside: the adb daemon. To freeze or to kill it is to freeze or to kill the phone
    `-- init -- inside: process 1 of the phone, parent of its shells; ends with the host process

It stays apart from the host process so that a frozen phone, too, ends with its owner.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from farm.errors import InfrastructureError
from farm.virtual import emulator, init, namespace, root, storage

if TYPE_CHECKING:
    from collections.abc import Callable

    from farm.virtual.climate import Climate
    from farm.virtual.emulator import Emulator

NOBODY = 65534
_SETUP_SECONDS = 20
_REFUSED = (
    "the kernel does not let {who} make the namespaces a virtual phone lives in ({stage}: {reason})",
    "allow user namespaces: sysctl -w user.max_user_namespaces=15000; on Debian also "
    "kernel.unprivileged_userns_clone=1, on Ubuntu also kernel.apparmor_restrict_unprivileged_userns=0; in a container "
    "give it a seccomp profile that lets unshare and mount through and a /proc without masks (docker run --security-opt "
    "seccomp=unconfined --security-opt systempaths=unconfined)",
)

_EMULATION = "emulation"
_NO_BINFMT = (
    "run: make -C agents/native, which builds the exec shim that older kernels need; from 6.7 on each user namespace has a "
    "binfmt_misc (CONFIG_BINFMT_MISC) of its own"
)


@dataclass(frozen=True)
class Plan:
    """One phone to be: its root tree, what is mounted in it, and whose rights on the host its user has."""

    name: str
    root: Path
    mounts: list[namespace.Mount]
    uid: int
    gid: int
    emulator: Emulator | None


def identity() -> tuple[int, int]:
    """The host's user and group behind the phone's `shell`: nobody where we are root, else ourselves."""
    if os.geteuid() == 0 and _mapped(NOBODY, "/proc/self/uid_map") and _mapped(NOBODY, "/proc/self/gid_map"):
        return NOBODY, NOBODY
    return os.geteuid(), os.getegid()


def _mapped(number: int, path: str) -> bool:
    rows = (tuple(map(int, line.split())) for line in Path(path).read_text().splitlines())
    return any(first <= number < first + count for first, _, count in rows)


def start_init(plan: Plan, control: socket.socket) -> tuple[int, str]:
    """Start the phone's first process, which obeys `control`, in namespaces of its own.

    Returns its process id on the host and the `emulator.Way` of its programs, empty where they need none.

    Raises:
        InfrastructureError: the kernel refuses.
    """
    namespace.adopt_orphans()
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    child = os.fork()
    if child == 0:
        ours.close()
        _enter(plan, control, theirs)
    theirs.close()
    with ours:
        ours.settimeout(_SETUP_SECONDS)
        _expect(ours, "unshared")
        try:
            namespace.write_maps(child, 0, plan.uid, plan.gid)
        except OSError as error:
            raise _refusal("write uid_map", error.strerror or "", refused=True) from error
        ours.send(b"mapped")
        pid = int(_expect(ours, "pid"))
        os.waitpid(child, 0)
        ours.send(b"go")
        way = _expect(ours, "ready")
    return pid, way


def _expect(channel: socket.socket, word: str) -> str:
    try:
        text = channel.recv(4096).decode(errors="replace")
    except TimeoutError:
        text = ""
    head, _, rest = text.partition("\t")
    if head == word:
        return rest
    if head != "failed":
        raise InfrastructureError(
            f"a virtual phone's first process ended before it was {word}",
            remedy="see the log beside the phone's folder",
        )
    refused, stage, reason = rest.split("\t", 2)
    if stage.startswith(_EMULATION):
        raise InfrastructureError(f"no aarch64 program runs in a virtual phone here: {reason}", remedy=_NO_BINFMT)
    raise _refusal(stage, reason, refused=refused == "1")


def _refusal(stage: str, reason: str, *, refused: bool) -> InfrastructureError:
    if not refused:
        return InfrastructureError(f"a virtual phone could not be set up: {stage}: {reason}")
    message, remedy = _REFUSED
    return InfrastructureError(
        message.format(who="this user" if os.geteuid() else "root", stage=stage, reason=reason), remedy=remedy
    )


def _enter(plan: Plan, control: socket.socket, channel: socket.socket) -> NoReturn:
    """The child between the keeper and init: only its children are in the new process namespace."""
    flags = namespace.CLONE_NEWUSER | namespace.CLONE_NEWPID | namespace.CLONE_NEWUTS | namespace.CLONE_NEWIPC
    try:
        _step(channel, "unshare", lambda: namespace.unshare(flags | namespace.CLONE_NEWNET))
        channel.send(b"unshared")
        _await(channel)
        pid = os.fork()
        if pid:
            channel.send(f"pid\t{pid}".encode())
            os._exit(0)
        _await(channel)
        ways: list[emulator.Way] = []

        def mounted(tree: Path) -> None:
            if plan.emulator:
                ways.append(emulator.register(plan.emulator, tree))

        _step(channel, "mount", lambda: namespace.build(plan.root, plan.mounts, plan.name, mounted))
        # The user namespace that owns the mounts; from the next one on nothing can be mounted.
        _step(channel, "hand over namespaces", lambda: storage.hand_over(control))
        _step(channel, "unshare", lambda: namespace.become(root.USER))
        _step(channel, "drop privileges", lambda: namespace.drop_privileges(root.USER, root.USER))
        if plan.emulator:
            _step(channel, _EMULATION, lambda: emulator.probe(init.SHELL))
        os.umask(0o022)
        _close_all_but(control.fileno(), channel.fileno())
        channel.send(f"ready\t{''.join(ways)}".encode())
        channel.close()
        more = plan.emulator.environment if plan.emulator else {}
        init.run(control, root.ENVIRONMENT | {"HOSTNAME": plan.name} | more)
    except BaseException as error:  # nothing may run on into the keeper's code
        os.write(2, f"init: {error!r}\n".encode())
    os._exit(1)


def _await(channel: socket.socket) -> None:
    if not channel.recv(64):
        os._exit(1)  # the keeper has gone


def _close_all_but(*kept: int) -> None:
    """Leave no way back to the host's files: stdin and stdout are the phone's null device, stderr stays the log."""
    null = os.open("/dev/null", os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(null, 1)
    low = 3
    for descriptor in sorted(kept):
        os.closerange(low, descriptor)
        low = descriptor + 1
    os.closerange(low, os.sysconf("SC_OPEN_MAX"))


def _step(channel: socket.socket, stage: str, action: Callable[[], None]) -> None:
    try:
        action()
    except OSError as error:
        # What user namespaces, their number, seccomp and AppArmor answer.
        refused = isinstance(error, PermissionError) or stage == "unshare"
        where = f"{stage} {error.filename}" if error.filename else stage
        channel.send(f"failed\t{int(refused)}\t{where}\t{error.strerror}".encode())
        os._exit(1)


def keep(host: int, first: int, owner: int | None, climate: Climate) -> int:
    """Have `climate` go on until the host process `host`, init `first` or the owner (a pidfd) ends; end the others.

    Returns the host process's exit code as `os.waitstatus_to_exitcode` has it.
    """
    handles = {"host": os.pidfd_open(host), "init": os.pidfd_open(first)}
    if owner is not None:
        handles["owner"] = owner
    signal.signal(signal.SIGTERM, lambda *_: os.kill(host, signal.SIGKILL))
    poll = select.poll()
    for handle in handles.values():
        poll.register(handle, select.POLLIN)
    while not poll.poll(1000 * climate.step()):
        pass
    climate.end()
    if not _ended(handles["host"], 0):
        _signal(host)
    _, status = os.waitpid(host, 0)
    # Init ends by itself, when it sees the host process gone, and takes the whole phone with it.
    if not _ended(handles["init"], 2):
        _signal(first)
    with contextlib.suppress(ChildProcessError):
        os.waitpid(first, 0)
    return os.waitstatus_to_exitcode(status)


def _ended(handle: int, seconds: float) -> bool:
    poll = select.poll()
    poll.register(handle, select.POLLIN)
    return bool(poll.poll(seconds * 1000))


def _signal(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
