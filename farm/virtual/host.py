"""`python -m farm.virtual.host`: one virtual phone, from here on by itself.

Says on stdout, in one line of JSON, that the phone accepts connections, or why there is none. Its log is stderr.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import socket
import sys
import uuid
from pathlib import Path

from farm.errors import FarmError, InfrastructureError
from farm.virtual import climate, emulator, keeper, namespace, profile, root, state
from farm.virtual.auth import POLICIES
from farm.virtual.process import Process


def main(arguments: list[str] | None = None) -> int:
    """Start a phone in `--folder`, which holds its profile and is named as the phone, and keep it until it ends."""
    parser = argparse.ArgumentParser(prog="python -m farm.virtual.host", description="Run one virtual phone.")
    parser.add_argument("--folder", type=Path, required=True, help="holds profile.json; its name is the phone's")
    parser.add_argument("--storage-bytes", type=int, help="the size of /data/local/tmp, which is then in memory")
    parser.add_argument("--owner", type=int, help="the process with which the phone ends")
    parser.add_argument("--auth", choices=POLICIES, default="open", help="who may use it")
    parser.add_argument("--features", help="what it tells adb that it can, joined by commas; all when left out")
    parser.add_argument("--reboot-s", type=float, default=5.0, help="seconds that a reboot takes")
    options = parser.parse_args(arguments)
    # Out of the caller's hands: its terminal, its process group, its children.
    if os.fork():
        return 0
    os.setsid()
    os.umask(0o022)
    folder: Path = options.folder.resolve()
    try:
        try:
            status = _keep(folder, options)
        except OSError as error:
            raise InfrastructureError(f"a virtual phone could not be set up: {error}") from error
    except FarmError as error:
        root.remove(folder)
        _say({"error": error.message, "remedy": error.remedy})
        return error.exit_status
    root.remove(folder)
    return 0 if status <= 0 else 1


def _keep(folder: Path, options: argparse.Namespace) -> int:
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
    runs_on = emulator.find(wanted)
    root.create(tree, programs, wanted, runs_on, serial, (uid, gid))
    plan = keeper.Plan(
        folder.name, tree, root.mounts(tree, programs, runs_on, options.storage_bytes), uid, gid, runs_on
    )
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours:
        with theirs:
            first = keeper.start_init(plan, theirs)
        host = os.fork()
        if host == 0:
            _host(folder, wanted, serial, ours, options)
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 1)
    return keeper.keep(host, first, owner_handle, climate.Climate(wanted, tree, root.online(wanted), first))


def _host(
    folder: Path, wanted: profile.Profile, serial: str, control: socket.socket, options: argparse.Namespace
) -> None:
    """The host process: never returns."""
    parent = os.getppid()
    namespace.die_with_parent(signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
    from farm.virtual import daemon, door  # asyncio: what init does without

    features = daemon.FEATURES if options.features is None else tuple(filter(None, options.features.split(",")))
    manner = daemon.Manner(options.auth, features, options.reboot_s)

    reserved = door.reserve()
    port = reserved.getsockname()[1]
    phone = state.VirtualPhone(folder.name, f"127.0.0.1:{port}", port, os.getpid(), wanted.abi, folder / state.ROOT)

    def ready() -> None:
        state.write(folder, phone, Process.of(phone.pid))
        _say({"name": phone.name})
        null = os.open(os.devnull, os.O_RDWR)
        os.dup2(null, 1)

    try:
        text = daemon.banner(root.properties(wanted, serial), features)
        daemon.run(daemon.Place(control, folder, phone.root, reserved), text, manner, ready)
    finally:
        sys.stderr.flush()
        os._exit(1)


def _say(record: dict[str, str]) -> None:
    os.write(1, (json.dumps(record) + "\n").encode())


if __name__ == "__main__":
    sys.exit(main())
