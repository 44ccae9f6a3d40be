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
from farm.virtual import keeper, namespace, root, state
from farm.virtual.process import Process


def main(arguments: list[str] | None = None) -> int:
    """Start a phone in `--folder`, an empty folder whose name is the phone's, and keep it until it ends."""
    parser = argparse.ArgumentParser(prog="python -m farm.virtual.host", description="Run one virtual phone.")
    parser.add_argument("--folder", type=Path, required=True, help="an empty folder; its name is the phone's")
    parser.add_argument("--storage-bytes", type=int, help="the size of /data/local/tmp, which is then in memory")
    parser.add_argument("--owner", type=int, help="the process with which the phone ends")
    options = parser.parse_args(arguments)
    # Out of the caller's hands: its terminal, its process group, its children.
    if os.fork():
        return 0
    os.setsid()
    os.umask(0o022)
    folder: Path = options.folder.resolve()
    try:
        try:
            status = _keep(folder, options.storage_bytes, options.owner)
        except OSError as error:
            raise InfrastructureError(f"a virtual phone could not be set up: {error}") from error
    except FarmError as error:
        root.remove(folder)
        _say({"error": error.message, "remedy": error.remedy})
        return error.exit_status
    root.remove(folder)
    return 0 if status <= 0 else 1


def _keep(folder: Path, storage_bytes: int | None, owner: int | None) -> int:
    try:
        owner_handle = None if owner is None else os.pidfd_open(owner)
    except ProcessLookupError as error:
        raise InfrastructureError(f"the owner, process {owner}, has ended") from error
    programs = root.find_programs()
    serial = f"virtual-{uuid.uuid4().hex[:12]}"
    tree = folder / state.ROOT
    uid, gid = keeper.identity()
    root.create(tree, programs, serial, (uid, gid))
    plan = keeper.Plan(folder.name, tree, root.mounts(tree, programs, storage_bytes), uid, gid)
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours:
        with theirs:
            first = keeper.start_init(plan, theirs)
        host = os.fork()
        if host == 0:
            _host(folder, serial, ours)
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 1)
    return keeper.keep(host, first, owner_handle)


def _host(folder: Path, serial: str, control: socket.socket) -> None:
    """The host process: never returns."""
    parent = os.getppid()
    namespace.die_with_parent(signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
    from farm.virtual import daemon  # asyncio: what init does without

    listener = daemon.listen()
    port = listener.getsockname()[1]
    phone = state.VirtualPhone(folder.name, f"127.0.0.1:{port}", port, os.getpid(), root.abi(), folder / state.ROOT)

    def ready() -> None:
        state.write(folder, phone, Process.of(phone.pid))
        _say({"name": phone.name})
        null = os.open(os.devnull, os.O_RDWR)
        os.dup2(null, 1)

    try:
        daemon.run(control, daemon.banner(root.properties(serial)), listener, ready)
    finally:
        sys.stderr.flush()
        os._exit(1)


def _say(record: dict[str, str]) -> None:
    os.write(1, (json.dumps(record) + "\n").encode())


if __name__ == "__main__":
    sys.exit(main())
