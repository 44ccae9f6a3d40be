"""Virtual phones as their user sees them: start, list, freeze, kill, end."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import farm
from farm.errors import DeviceGoneError, InfrastructureError
from farm.virtual import emulator, faults, profile, root, state, switch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from farm.virtual.auth import Policy
    from farm.virtual.process import Process
    from farm.virtual.profile import Profile
    from farm.virtual.state import VirtualPhone

PREFIX = "virtual"
_START_SECONDS = 60
_END_SECONDS = 10


def up(
    folder: Path,
    count: int = 1,
    *,
    kind: Profile | None = None,
    storage_bytes: int | None = None,
    owner_pid: int | None = None,
    auth: Policy = "open",
    features: Sequence[str] | None = None,
    reboot_s: float = 5.0,
    exec_shim: bool = False,
) -> list[VirtualPhone]:
    """Start `count` phones beside those already in `folder` and wait until each accepts connections.

    They are of `kind`, else of this machine's default profile. They outlive the caller, or end with process `owner_pid`.
    `storage_bytes` bounds /data/local/tmp, kept in memory then; else it is a folder on the host's disk. `auth`: whether adb must
    show a key (farm.virtual.auth). `features` is what the phone tells adb that it can: all of it when left out, nothing as before
    Android 7. `reboot_s`: seconds a reboot takes. `exec_shim`: have an emulated phone's programs come to qemu through the
    exec shim also where the kernel could do it.

    Raises:
        InfrastructureError: the machine lacks mksh, toybox or qemu, or forbids user namespaces; no phone is left behind.
    """
    kind = kind or profile.default()
    emulator.find(kind, force_shim=exec_shim)
    root.find_programs()
    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    options = [*_option("--storage-bytes", storage_bytes), *_option("--owner", owner_pid)]
    options += [*_option("--features", None if features is None else ",".join(features))]
    options += ["--auth", auth, "--reboot-s", str(reboot_s), *(["--exec-shim"] if exec_shim else [])]
    places: list[Path] = []
    try:
        for _ in range(count):
            places.append(state.claim(folder, PREFIX))
            profile.write(kind, places[-1])
        with _start(places, options) as process:  # who has not said yet that it is ready gives up when it cannot
            told = _records(process, len(places), time.monotonic() + _START_SECONDS + count)
        return [_ready(place, told.get(place.name)) for place in places]
    except BaseException:
        for place in places:
            _end(place)
        raise


def listed(folder: Path) -> list[VirtualPhone]:
    """The phones in `folder` that are alive, frozen ones too, by name; what dead ones left is removed."""
    phones: list[VirtualPhone] = []
    for place in _places(folder):
        known = state.read(place)
        if known is None:
            continue  # it is starting, or its keeper is about to remove it
        phone, process = known
        if process.alive():
            phones.append(phone)
        else:
            root.remove(place)
    return phones


def down(folder: Path, names: Sequence[str] = ()) -> list[VirtualPhone]:
    """End the phones in `folder` called `names`, or all; returns those ended. What they stored is removed."""
    ended = [phone for phone in listed(folder) if not names or phone.name in names]
    for phone in ended:
        _send(phone, signal.SIGKILL)  # the host process has nothing to save, and may be frozen
    for phone in ended:
        _end(phone.root.parent)
    return ended


def freeze(phone: VirtualPhone) -> None:
    """Have the phone hang: it keeps its connections and answers nothing.

    Raises:
        DeviceGoneError: it has ended.
    """
    _demand(phone, signal.SIGSTOP)


def thaw(phone: VirtualPhone) -> None:
    """Have a frozen phone go on where it was.

    Raises:
        DeviceGoneError: it has ended.
    """
    _demand(phone, signal.SIGCONT)


def kill(phone: VirtualPhone) -> None:
    """Have the phone vanish at once with all that runs on it.

    Raises:
        DeviceGoneError: it had ended.
    """
    _demand(phone, signal.SIGKILL)
    _end(phone.root.parent)


def fault(phone: VirtualPhone, name: str, *, for_s: float | None = None, **options: float) -> list[str]:
    """Have the phone suffer the fault `name` (farm.virtual.faults), for good or `for_s` seconds; or `clear` them all.

    Returns the names of the faults that last now.

    Raises:
        JobError: no such fault or option.
        DeviceGoneError: the phone has ended.
        DeadlineError: it does not answer, since it is frozen.
        InfrastructureError: the fault could not be made here.
    """
    folder = phone.root.parent
    if name in {faults.CLEAR, faults.THAW}:
        thaw(phone)
        return switch.ask(folder, None if name == faults.CLEAR else faults.NOTHING)
    wanted = faults.read(name, options, for_s)
    if name == "kill":
        kill(phone)
        return []
    if name == "freeze":
        if for_s is None:
            freeze(phone)
        else:
            switch.ask(folder, wanted)
        return ["freeze"]
    return switch.ask(folder, wanted)


def _places(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    places = (place for place in folder.resolve().iterdir() if place.name.startswith(f"{PREFIX}-") and place.is_dir())
    return sorted(places, key=lambda place: (len(place.name), place.name))


def _option(name: str, value: object) -> list[str]:
    return [] if value is None else [f"{name}={value}"]


def _start(places: list[Path], options: list[str]) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "farm.virtual.host", *options, "--folder", *map(str, places)]
    package = str(Path(farm.__file__).resolve().parent.parent)
    paths = [package, *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths)}
    first = places[0]
    with _log(first).open("ab") as log:
        return subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, env=environment, cwd=first.parent
        )


def _log(place: Path) -> Path:
    return place.with_name(f"{place.name}.log")


def _ready(place: Path, record: dict[str, str] | None) -> VirtualPhone:
    """The phone in `place`, whose process has told `record`."""
    if record is None:
        raise InfrastructureError(
            "a virtual phone ended, or hung, before it was ready", where=place.name, remedy=f"see {_log(place)}"
        )
    if "error" in record:
        raise InfrastructureError(record["error"], where=place.name, remedy=record["remedy"])
    known = state.read(place)
    if known is None:
        raise InfrastructureError("a virtual phone ended at once", where=place.name, remedy=f"see {_log(place)}")
    return known[0]


def _records(process: subprocess.Popen[bytes], count: int, deadline: float) -> dict[str, dict[str, str]]:
    """What `count` phones tell on `process`'s stdout until the deadline, by their names."""
    told: dict[str, dict[str, str]] = {}
    rest = b""
    poll = select.poll()
    if process.stdout is None:
        return told
    poll.register(process.stdout, select.POLLIN)
    while len(told) < count and poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
        data = os.read(process.stdout.fileno(), 1 << 16)
        if not data:
            break
        *lines, rest = (rest + data).split(b"\n")
        for record in map(json.loads, lines):
            told[record["name"]] = record
    return told


def _process(phone: VirtualPhone) -> Process | None:
    known = state.read(phone.root.parent)
    return known[1] if known is not None and known[0] == phone else None


def _send(phone: VirtualPhone, number: signal.Signals) -> bool:
    process = _process(phone)
    return process is not None and process.send(number)


def _demand(phone: VirtualPhone, number: signal.Signals) -> None:
    if not _send(phone, number):
        raise DeviceGoneError("the virtual phone has ended", where=phone.name, remedy="start another one")


def _end(place: Path) -> None:
    """Kill the phone in `place`, if there is one, and wait until its keeper has removed it; or remove it ourselves."""
    known = state.read(place)
    if known is not None:
        known[1].send(signal.SIGKILL)
        known[1].wait(_END_SECONDS)
    deadline = time.monotonic() + _END_SECONDS
    while place.exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    root.remove(place)
    _log(place).unlink(missing_ok=True)
