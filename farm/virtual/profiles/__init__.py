"""Profiles of virtual phones: TOML files, those beside this one by name, any other by path."""

from __future__ import annotations

import platform
from pathlib import Path

from pydantic import RootModel

from farm import tomlfile
from farm.errors import SettingsError
from farm.virtual.profile import DEFAULTS, FOLDER, Profile, native_abi


class _File(RootModel[Profile]):
    """A profile file."""


def names() -> list[str]:
    """The profiles that come with the farm."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def load(name: str = "", abi: str = "") -> Profile:
    """The profile called `name`, or in the file `name`; without one, the default for `abi` or this machine.

    Raises:
        SettingsError: no such profile, or it is wrong (file and line), or it is of another ABI than `abi`.
    """
    path = _path(name or _default(abi))
    profile = tomlfile.load(path, _File, SettingsError).root
    if abi and profile.abi != abi:
        raise SettingsError(
            f"this profile is of {profile.abi}, not {abi}", where=str(path), remedy="leave out one of the two"
        )
    return profile


def _default(abi: str) -> str:
    abi = abi or native_abi()
    if abi not in DEFAULTS:
        raise SettingsError(
            f"there is no virtual phone of {abi or platform.machine()}", remedy=f"there are: {', '.join(DEFAULTS)}"
        )
    return DEFAULTS[abi]


def _path(name: str) -> Path:
    if "/" in name or name.endswith(".toml"):
        return Path(name)
    if name not in names():
        raise SettingsError(
            f"there is no profile {name!r}", remedy=f"there are: {', '.join(names())}; or name a file: ./{name}.toml"
        )
    return FOLDER / f"{name}.toml"
