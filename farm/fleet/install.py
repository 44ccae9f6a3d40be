"""The farm's own app onto a device, once for each build."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from farm.android import refusals
from farm.android.commands import files, packages
from farm.builds import BENCH
from farm.fleet.adb import PushItem
from farm.store.artifacts import sha256_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from farm.android.commands.packages import Refused
    from farm.fleet.adb import AdbDevice

FOLDER = "/data/local/tmp/farm"
DEADLINE_S = 30.0
INSTALL_S = 300.0
"""A phone may compile the app, and ask its maker what it thinks of it."""
SLOWEST_BYTES_S = 1 << 20


@dataclass(frozen=True)
class Installed:
    """The app as the device has it."""

    version_name: str
    debuggable: bool
    fresh: bool
    """Whether it was installed just now."""
    replaced: str = ""
    """Android's word for why another build had to be removed first; empty: none was."""


def ensure(device: AdbDevice, apk: Path) -> Installed:
    """Have this very file installed; nothing is done where it is already.

    Raises:
        AppError: the file is none that this device takes.
        StorageError: there is no room.
        InfrastructureError: the device, or somebody who holds it, refuses.
    """
    fresh, replaced = _there(device) != sha256_of(apk), ""
    if fresh:
        refused = _install(device, apk)
        if refused is not None and refusals.in_the_way(refused.code):  # another build of the farm's own app
            replaced, stays = refused.code, device.ask(packages.uninstall(BENCH), INSTALL_S)
            refused = _install(device, apk)
            if refused is not None and stays is not None:
                refused = replace(refused, words=f"{refused.words}; what is there stays: {stays.code} {stays.words}")
        if refused is not None:
            raise refusals.error(refused.code, refused.words, f"{device.serial}: {apk.name}")
    told = device.ask(packages.details(BENCH), DEADLINE_S)
    return Installed(told.version_name, told.debuggable, fresh, replaced)


def _there(device: AdbDevice) -> str:
    """The sha256 of what is installed; empty: nothing, or it cannot be read."""
    paths = device.ask(packages.paths(BENCH), DEADLINE_S)
    if not paths:
        return ""
    folder, _, name = paths[0].rpartition("/")
    return next((d for d, n in device.ask(files.hashes(folder, [name]), DEADLINE_S) if n == name), "")


def _install(device: AdbDevice, apk: Path) -> Refused | None:
    remote = f"{FOLDER}/{BENCH}.apk"

    def parts() -> Iterator[bytes]:
        with apk.open("rb") as file:
            while part := file.read(1 << 20):
                yield part

    device.ask(files.make_folder(FOLDER), DEADLINE_S)
    device.push([PushItem(remote, parts)], DEADLINE_S + apk.stat().st_size / SLOWEST_BYTES_S)
    try:
        return device.ask(packages.install(remote, "-r", "-g", "-t"), INSTALL_S)
    finally:
        device.ask(files.remove(FOLDER, [f"{BENCH}.apk"]), DEADLINE_S)
