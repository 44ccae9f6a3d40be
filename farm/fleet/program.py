"""Which adb the farm runs.

adbutils prefers whatever `adb` is in PATH, such as Debian's of 2019, to the one it brings; we were tested with the latter.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import adbutils

from farm.errors import AdbError

if TYPE_CHECKING:
    from collections.abc import Mapping

VARIABLE = "ADBUTILS_ADB_PATH"
BUNDLED = Path(adbutils.__file__).parent / "binaries" / "adb"


def adb_program(environment: Mapping[str, str] = os.environ, bundled: Path = BUNDLED) -> str:
    """The path of adb: $ADBUTILS_ADB_PATH if set, else the one bundled with adbutils, else PATH's.

    Raises:
        AdbError: there is none, or what the variable names is no program.
    """
    wanted = environment.get(VARIABLE)
    if wanted:
        if not _runs(Path(wanted)):
            raise AdbError("is no program", where=f"{VARIABLE}={wanted}", remedy="unset it, or name an adb program")
        return wanted
    if _runs(bundled):
        return str(bundled)
    found = shutil.which("adb", path=environment.get("PATH", ""))
    if found is None:
        raise AdbError(
            "there is no adb program", where=str(bundled), remedy=f"install adb, or name one with {VARIABLE}"
        )
    return found


def _runs(path: Path) -> bool:
    return path.is_file() and os.access(path, os.X_OK)
