"""`python -m farm.virtual.host`: virtual phones, from here on by themselves.

One process imports everything and forks for each phone, so that they share its memory. Of each phone it says on stdout, in one
line of JSON, that it accepts connections, or why it does not. A phone's log lies beside its folder.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import json
import os
import signal
import socket
import sys
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

from farm.errors import FarmError, InfrastructureError
from farm.virtual import climate, daemon, door, emulator, installer, keeper, namespace, profile, root, state
from farm.virtual.auth import POLICIES
from farm.virtual.process import Process

if TYPE_CHECKING:
    from collections.abc import Iterator


def main(arguments: list[str] | None = None) -> int:
    """Start a phone in each `--folder`, which holds its profile and is named as the phone, and keep it until it ends."""
    parser = argparse.ArgumentParser(prog="python -m farm.virtual.host", description="Run virtual phones.")
    parser.add_argument(
        "--folder", type=Path, required=True, nargs="+", help="holds profile.json; its name is the phone's"
    )
    parser.add_argument("--storage-bytes", type=int, help="the size of /data/local/tmp, which is then in memory")
    parser.add_argument("--owner", type=int, help="the process with which the phone ends")
    parser.add_argument("--auth", choices=POLICIES, default="open", help="who may use it")
    parser.add_argument("--features", help="what it tells adb that it can, joined by commas; all when left out")
    parser.add_argument("--reboot-s", type=float, default=5.0, help="seconds that a reboot takes")
    parser.add_argument("--exec-shim", action="store_true", help="start qemu through it, whatever the kernel could do")
    options = parser.parse_args(arguments)
    turns = os.pipe()
    os.write(turns[1], bytes(2 * (os.cpu_count() or 1)))
    gc.collect()
    gc.freeze()  # or the first collection in each phone would make every page of this heap its own
    for folder in options.folder:
        # Out of the caller's hands: its terminal, its process group, its children.
        if os.fork() == 0:
            return _phone(folder.resolve(), options, turns)
    return 0


def _phone(folder: Path, options: argparse.Namespace, turns: tuple[int, int]) -> int:
    """One phone, to its end."""
    os.setsid()
    os.umask(0o022)
    log = os.open(folder.with_name(f"{folder.name}.log"), os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
    os.dup2(log, 2)
    os.close(log)
    try:
        try:
            status = _keep(folder, options, turns)
        except OSError as error:
            raise InfrastructureError(f"a virtual phone could not be set up: {error}") from error
    except FarmError as error:
        root.remove(folder)
        _say({"name": folder.name, "error": error.message, "remedy": error.remedy})
        return error.exit_status
    root.remove(folder)
    return 0 if status <= 0 else 1


@contextlib.contextmanager
def _turn(turns: tuple[int, int]) -> Iterator[None]:
    """Set up no more phones at once than is quick: they would only wait for each other, until they give up."""
    reader, writer = turns
    os.read(reader, 1)
    try:
        yield
    finally:
        os.write(writer, b"x")
        os.close(reader)
        os.close(writer)


def _keep(folder: Path, options: argparse.Namespace, turns: tuple[int, int]) -> int:
    owner: int | None = options.owner
    try:
        owner_handle = None if owner is None else os.pidfd_open(owner)
    except ProcessLookupError as error:
        raise InfrastructureError(f"the owner, process {owner}, has ended") from error
    programs = root.find_programs()
    serial = f"virtual-{uuid.uuid4().hex[:12]}"
    tree = folder / state.ROOT
    uid, gid = keeper.identity()
    wanted = profile.read(folder)
    runs_on = emulator.find(wanted, force_shim=options.exec_shim)
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with _turn(turns), ours:
        root.create(tree, programs, wanted, runs_on, serial, (uid, gid))
        installer.create(tree, (uid, gid))
        plan = keeper.Plan(
            folder.name, tree, root.mounts(tree, programs, runs_on, options.storage_bytes), uid, gid, runs_on
        )
        with theirs:
            first, way = keeper.start_init(plan, theirs)
        host = os.fork()
        if host == 0:
            _host(folder, wanted, serial, way, ours, options)
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 1)
    return keeper.keep(host, first, owner_handle, climate.Climate(wanted, tree, root.online(wanted), first))


def _host(
    folder: Path, wanted: profile.Profile, serial: str, way: str, control: socket.socket, options: argparse.Namespace
) -> None:
    """The host process: never returns."""
    parent = os.getppid()
    namespace.die_with_parent(signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
    features = daemon.FEATURES if options.features is None else tuple(filter(None, options.features.split(",")))
    manner = daemon.Manner(options.auth, features, options.reboot_s)

    reserved = door.reserve()
    port = reserved.getsockname()[1]
    address, tree = f"127.0.0.1:{port}", folder / state.ROOT
    phone = state.VirtualPhone(folder.name, address, port, os.getpid(), wanted.abi, tree, way)

    def ready() -> None:
        state.write(folder, phone, Process.of(phone.pid))
        _say({"name": phone.name})
        null = os.open(os.devnull, os.O_RDWR)
        os.dup2(null, 1)

    try:
        text = daemon.banner(root.properties(wanted, serial), features)
        daemon.run(daemon.Place(control, folder, phone.root, reserved, wanted), text, manner, ready)
    finally:
        sys.stderr.flush()
        os._exit(1)


def _say(record: dict[str, str]) -> None:
    os.write(1, (json.dumps(record) + "\n").encode())


if __name__ == "__main__":
    sys.exit(main())
