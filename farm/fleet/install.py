"""The farm's own app onto a device, once for each build."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from farm.android.commands import files, packages
from farm.errors import AppError, FarmError, InfrastructureError, StorageError
from farm.fleet.adb import PushItem
from farm.store.artifacts import sha256_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from farm.android.commands.packages import Refused
    from farm.fleet.adb import AdbDevice

PACKAGE = "dev.exray.bench"
FOLDER = "/data/local/tmp/farm"
DEADLINE_S = 30.0
INSTALL_S = 300.0
"""A phone may compile the app, and ask its maker what it thinks of it."""
SLOWEST_BYTES_S = 1 << 20
IN_THE_WAY = ("INSTALL_FAILED_UPDATE_INCOMPATIBLE", "INSTALL_FAILED_VERSION_DOWNGRADE")
"""Another build is there that cannot be replaced; the app is the farm's own, so it goes first."""
STORAGE = ("INSTALL_FAILED_INSUFFICIENT_STORAGE", "INSTALL_FAILED_MEDIA_UNAVAILABLE")
BY_HAND = {
    "INSTALL_FAILED_USER_RESTRICTED": "allow installation over USB in the device's developer options",
    "INSTALL_FAILED_ABORTED": "confirm the installation on the device, or turn its question off in the developer options",
    "INSTALL_FAILED_VERIFICATION_FAILURE": "turn off 'Verify apps over USB' in the device's developer options",
    "INSTALL_FAILED_VERIFICATION_TIMEOUT": "turn off 'Verify apps over USB' in the device's developer options",
}
"""What Android answers (android/content/pm/PackageManager.java) where somebody has to touch the device, and what to do."""


@dataclass(frozen=True)
class Installed:
    """The app as the device has it."""

    version_name: str
    debuggable: bool
    fresh: bool
    """Whether it was installed just now."""


def ensure(device: AdbDevice, apk: Path) -> Installed:
    """Have this very file installed; nothing is done where it is already.

    Raises:
        AppError: the file is none that this device takes.
        StorageError: there is no room.
        InfrastructureError: the device, or somebody who holds it, refuses.
    """
    fresh = _there(device) != sha256_of(apk)
    if fresh:
        refused = _install(device, apk)
        if refused is not None and refused.code in IN_THE_WAY:
            device.ask(packages.uninstall(PACKAGE), INSTALL_S)
            refused = _install(device, apk)
        if refused is not None:
            raise error(refused, f"{device.serial}: {apk.name}")
    told = device.ask(packages.details(PACKAGE), DEADLINE_S)
    return Installed(told.version_name, told.debuggable, fresh)


def _there(device: AdbDevice) -> str:
    """The sha256 of what is installed; empty: nothing, or it cannot be read."""
    paths = device.ask(packages.paths(PACKAGE), DEADLINE_S)
    if not paths:
        return ""
    folder, _, name = paths[0].rpartition("/")
    return next((d for d, n in device.ask(files.hashes(folder, [name]), DEADLINE_S) if n == name), "")


def _install(device: AdbDevice, apk: Path) -> Refused | None:
    remote = f"{FOLDER}/{PACKAGE}.apk"

    def parts() -> Iterator[bytes]:
        with apk.open("rb") as file:
            while part := file.read(1 << 20):
                yield part

    device.ask(files.make_folder(FOLDER), DEADLINE_S)
    device.push([PushItem(remote, parts)], DEADLINE_S + apk.stat().st_size / SLOWEST_BYTES_S)
    try:
        return device.ask(packages.install(remote, "-r", "-g", "-t"), INSTALL_S)
    finally:
        device.ask(files.remove(FOLDER, [f"{PACKAGE}.apk"]), DEADLINE_S)


def error(refused: Refused, where: str) -> FarmError:
    """What Android refused, as an error of ours."""
    code, words = refused.code, refused.words[-300:]
    said = f"cannot be installed: {' '.join(filter(None, (code, f'({words})' if words else '')))}"
    if code in STORAGE:
        return StorageError(said, where=where, remedy="free some storage on the device")
    if code in BY_HAND:
        return InfrastructureError(said, where=where, remedy=BY_HAND[code])
    if not code.startswith("INSTALL_"):
        return InfrastructureError(said, where=where, remedy="is the device's package manager alive? restart it")
    return AppError(said, where=where, remedy="./run apk builds the app anew; [app] apk names another file")
