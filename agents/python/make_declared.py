"""Write exray/declared.py: exray.h as cffi's backend takes it, so that no app carries a parser of C for its log."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

import cffi

HERE = Path(__file__).resolve().parent
HEADER = HERE.parent / "native" / "include" / "exray.h"
DECLARED = HERE / "exray" / "declared.py"


def declarations(header: str) -> str:
    """What cffi understands of the C header."""
    text = re.sub(r"//[^\n]*", "", header)
    text = re.sub(r"#ifdef __cplusplus\n.*?#endif", "", text, flags=re.DOTALL)
    values = dict(re.findall(r"#define (EXRAY_MAX\w+) (\d+)", text))
    text = re.sub(r"^\s*#[^\n]*", "", text, flags=re.MULTILINE).replace("EXRAY_API", "")
    for name, value in values.items():
        text = text.replace(name, value)
    return text


def module() -> str:
    """The text of `DECLARED`."""
    ffi = cffi.FFI()
    ffi.set_source("exray.declared", None)
    ffi.cdef(declarations(HEADER.read_text(encoding="utf-8")))
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "declared.py"
        ffi.emit_python_code(str(made))
        return made.read_text(encoding="utf-8").replace(
            "# auto-generated file", "# Generated from exray.h by make_declared.py. Do not edit."
        )


if __name__ == "__main__":
    DECLARED.write_text(module(), encoding="utf-8")
