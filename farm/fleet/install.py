"""The farm's own app onto a device, once for each build."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from farm.errors import AppError, FarmError, InfrastructureError, StorageError
from farm.fleet.adb import PushItem
from farm.store.artifacts import sha256_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from farm.fleet.adb import AdbDevice

PACKAGE = "dev.exray.bench"
FOLDER = "/data/local/tmp/farm"
DEADLINE_S = 30.0
INSTALL_S = 300.0
"""A phone may compile the app, and ask its maker what it thinks of it."""
SLOWEST_BYTES_S = 1 << 20
_FAILURE = re.compile(r"Failure \[(?:-\d+ )?([A-Z_]+)(?::? ?(.*?))?\]", re.DOTALL)
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
        code, words = _install(device, apk)
        if code in IN_THE_WAY:
            device.shell(["pm", "uninstall", PACKAGE], INSTALL_S)
            code, words = _install(device, apk)
        if code:
            raise error(code, words, f"{device.serial}: {apk.name}")
    told = device.shell(["dumpsys", "package", PACKAGE], DEADLINE_S).text
    version = re.search(r"versionName=(\S+)", told)
    debuggable = re.search(r"\b(?:pkgFlags|flags)=\[[^]]*\bDEBUGGABLE\b", told) is not None
    return Installed(version[1] if version is not None else "", debuggable, fresh)


def _there(device: AdbDevice) -> str:
    """The sha256 of what is installed; empty: nothing, or it cannot be read."""
    path = device.shell(["pm", "path", PACKAGE], DEADLINE_S).text.partition("\n")[0].removeprefix("package:").strip()
    if not path.startswith("/"):
        return ""
    return device.shell(["sha256sum", path], DEADLINE_S).text.partition(" ")[0]


def _install(device: AdbDevice, apk: Path) -> tuple[str, str]:
    """Android's code and words for what went wrong; empty: nothing."""
    remote = f"{FOLDER}/{PACKAGE}.apk"

    def parts() -> Iterator[bytes]:
        with apk.open("rb") as file:
            while part := file.read(1 << 20):
                yield part

    device.shell(["mkdir", "-p", FOLDER], DEADLINE_S)
    device.push([PushItem(remote, parts)], DEADLINE_S + apk.stat().st_size / SLOWEST_BYTES_S)
    # The pm of Android 7 and before says Success and ends with 0 whatever happens; later ones fail on stderr or stdout.
    done = device.script(f"pm install -r -g -t {shlex.quote(remote)} 2>&1; rm -f {shlex.quote(remote)}", INSTALL_S)
    return answer(done.text)


def answer(text: str) -> tuple[str, str]:
    """Android's code and words in what `pm install` printed; empty: it went well."""
    if failure := _FAILURE.search(text):
        return failure[1], (failure[2] or "").strip()
    return ("", "") if "Success" in text else ("no answer", text.strip()[-300:])


def error(code: str, words: str, where: str) -> FarmError:
    """The same as an error of ours."""
    said = f"cannot be installed: {code}{f' ({words[:300]})' if words else ''}"
    if code in STORAGE:
        return StorageError(said, where=where, remedy="free some storage on the device")
    if code in BY_HAND:
        return InfrastructureError(said, where=where, remedy=BY_HAND[code])
    if not code.startswith("INSTALL_"):
        return InfrastructureError(said, where=where, remedy="is the device's package manager alive? restart it")
    return AppError(said, where=where, remedy="./run apk builds the app anew; [app] apk names another file")
