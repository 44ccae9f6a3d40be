"""libexray by cffi: where it is, and how it is loaded (declared.py is exray.h itself)."""

from __future__ import annotations

import functools
import os
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
NATIVE = HERE.parents[1] / "native"
LIBRARIES = (HERE / "libexray.so", NATIVE / "build" / f"linux-{os.uname().machine}" / "libexray.so")


class LibraryMissingError(OSError):
    """libexray is not where it was said to be."""


def _places() -> tuple[Path, ...]:
    named = os.environ.get("EXRAY_LIBRARY")
    return (Path(named),) if named else LIBRARIES


def is_there() -> bool:
    """Whether it can be loaded from where it may be; `EXRAY_LIBRARY` names another place."""
    return any(p.is_file() for p in _places())


def refuse_named() -> None:
    """Raise `LibraryMissingError` where `EXRAY_LIBRARY` names one that is not there: nothing else was meant."""
    if named := os.environ.get("EXRAY_LIBRARY"):
        raise LibraryMissingError(f"EXRAY_LIBRARY={named}: no such file; leave it unset for the one of this package")


@functools.cache
def load() -> tuple[Any, Any]:
    """cffi's interface and the library, which is there.

    Raises:
        OSError: it is not for this computer.
    """
    from exray.declared import ffi

    return ffi, ffi.dlopen(str(next(p for p in _places() if p.is_file())))
