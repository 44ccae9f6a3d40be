"""Write the FileDescriptorSet of exray.proto that every capture carries: src/exray_descriptor.h, a C array, and
agents/python/exray/exray.desc, its bytes."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
HEADER = HERE / "src" / "exray_descriptor.h"
BYTES = HERE.parent / "python" / "exray" / "exray.desc"


def descriptor_set() -> bytes:
    """Compile exray.proto. Raises `subprocess.CalledProcessError` where protoc refuses it."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "exray.desc"
        command = [
            sys.executable,
            "-m",
            "grpc_tools.protoc",
            "-I",
            str(HERE),
            f"--descriptor_set_out={out}",
            "exray.proto",
        ]
        subprocess.run(command, check=True)
        return out.read_bytes()


def header_text(descriptor: bytes) -> str:
    """Return the C header that holds `descriptor`."""
    rows = [descriptor[at : at + 16] for at in range(0, len(descriptor), 16)]
    lines = [
        "// Generated from exray.proto by make_descriptor.py. Do not edit.",
        "#ifndef EXRAY_DESCRIPTOR_H",
        "#define EXRAY_DESCRIPTOR_H",
        "",
        "#include <stdint.h>",
        "",
        "static const uint8_t EXRAY_DESCRIPTOR[] = {",
        *("    " + " ".join(f"0x{byte:02x}," for byte in row) for row in rows),
        "};",
        "",
        "#endif",
        "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    HEADER.write_text(header_text(descriptor_set()))
    BYTES.write_bytes(descriptor_set())
