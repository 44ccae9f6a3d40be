"""libexray by cffi: declarations are those of exray.h itself."""

from __future__ import annotations

import functools
import os
import platform
import re
from pathlib import Path
from typing import Any

import cffi

HERE = Path(__file__).resolve().parent
NATIVE = HERE.parents[1] / "native"
HEADERS = (HERE / "exray.h", NATIVE / "include" / "exray.h")
LIBRARIES = (HERE / "libexray.so", NATIVE / "build" / f"linux-{platform.machine()}" / "libexray.so")


class LibraryMissingError(OSError):
    """libexray is not where it may be."""


@functools.cache
def load() -> tuple[Any, Any]:
    """cffi's interface and the library; `EXRAY_LIBRARY` names another one.

    Raises:
        LibraryMissingError: it is not there; says where it was looked for.
    """
    named = os.environ.get("EXRAY_LIBRARY")
    places = (Path(named),) if named else LIBRARIES
    library = next((p for p in places if p.is_file()), None)
    header = next((p for p in HEADERS if p.is_file()), None)
    if library is None or header is None:
        raise LibraryMissingError(f"libexray.so is not there: looked for {', '.join(map(str, places))}")
    ffi = cffi.FFI()
    ffi.cdef(declarations(header.read_text()))
    return ffi, ffi.dlopen(str(library))


def declarations(header: str) -> str:
    """What cffi understands of the C header."""
    text = re.sub(r"//[^\n]*", "", header)
    text = re.sub(r"#ifdef __cplusplus\n.*?#endif", "", text, flags=re.DOTALL)
    values = dict(re.findall(r"#define (EXRAY_MAX\w+) (\d+)", text))
    text = re.sub(r"^\s*#[^\n]*", "", text, flags=re.MULTILINE).replace("EXRAY_API", "")
    for name, value in values.items():
        text = text.replace(name, value)
    return text
