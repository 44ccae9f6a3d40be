"""A wheel with libexray for this computer's platform, where it is built; without it, one for any, which writes by Python."""

from __future__ import annotations

import os
import platform
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class LibraryHook(BuildHookInterface):  # type: ignore[type-arg]
    """`EXRAY_PURE=1` leaves the library out, `EXRAY_LIBRARY` names another one than that of `make -C agents/native`."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the header and the library.

        Raises:
            FileNotFoundError: the library that was named is not there.
        """
        if version == "editable" or os.environ.get("EXRAY_PURE", "0") == "1":
            return
        native = Path(self.root).parent / "native"
        named = os.environ.get("EXRAY_LIBRARY")
        library = Path(named) if named else native / "build" / f"linux-{platform.machine()}" / "libexray.so"
        if not library.is_file():
            if named:
                raise FileNotFoundError(f"EXRAY_LIBRARY={named}: no such file")
            self.app.display_warning(f"{library} is not there (make -C agents/native): a wheel without the library")
            return
        build_data["force_include"] |= {
            str(library): "exray/libexray.so",
            str(native / "include" / "exray.h"): "exray/exray.h",
        }
        tag = sysconfig.get_platform().replace("-", "_").replace(".", "_")
        build_data |= {"pure_python": False, "tag": f"py3-none-{tag}"}
