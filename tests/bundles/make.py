"""Libraries and archives to try: LiteRT's names without its code, built for Android and Linux by the compiler of our agents."""

from __future__ import annotations

import base64
import functools
import hashlib
import importlib.metadata
import io
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import ai_edge_litert

from farm.bundles import symbols

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

RUNTIME = Path(ai_edge_litert.__file__).parent / "libLiteRt.so"
VERSION = importlib.metadata.version("ai-edge-litert")
NAMES = (*symbols.NEEDED, *symbols.CAME_WITH.values())
TARGETS = {"arm64-v8a": "aarch64-linux-android", "x86_64": "x86_64-linux-android"}
LIBC = ".globl exit\n.type exit,@function\nexit: .quad 0\n.size exit,8\n"


@functools.cache
def library(
    abi: str = "arm64-v8a",
    names: tuple[str, ...] = NAMES,
    *,
    os: str = "android",
    soname: str = "libLiteRt.so",
    needs: tuple[str, ...] = (),
    page: int = 16384,
    hash_style: str = "gnu",
) -> bytes:
    """A shared library that exports `names` and needs the system's C library, and others by name."""
    libc = "libc.so" if os == "android" else "libc.so.6"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        needed = []
        for other in (libc, *needs):
            stub = folder / f"stub-{other}"
            (folder / "stub.s").write_text(LIBC if other == libc else "")
            _zig(abi, f"-Wl,-soname,{other}", "-o", str(stub), str(folder / "stub.s"))
            needed.append(str(stub))
        (folder / "own.s").write_text("".join(f".globl {n}\n.type {n},@function\n{n}: .quad 0\n" for n in names))
        out = folder / "out.so"
        words = (f"-Wl,-soname,{soname}", f"-Wl,-z,max-page-size={page}", f"-Wl,--hash-style={hash_style}")
        _zig(abi, *words, "-o", str(out), str(folder / "own.s"), "-Wl,--no-as-needed", *needed)
        return out.read_bytes()


def _zig(abi: str, *words: str) -> None:
    command = [sys.executable, "-m", "ziglang", "cc", "-target", TARGETS[abi], "-nostdlib", "-shared", *words]
    subprocess.run(command, check=True, capture_output=True)


def archive(members: Mapping[str, bytes] | Iterable[tuple[str, bytes]]) -> bytes:
    """A zip of members."""
    pairs = members.items() if hasattr(members, "items") else members
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in pairs:
            made.writestr(name, content)
    return out.getvalue()


def aar(libraries: Mapping[str, bytes], manifest: str = '<manifest package="com.google.ai.edge.litert"/>') -> bytes:
    """An .aar with libraries by `ABI/name`."""
    return archive(
        {"AndroidManifest.xml": manifest.encode(), "classes.jar": b"PK", "R.txt": b""}
        | {f"jni/{place}": content for place, content in libraries.items()}
    )


def wheel(
    libraries: Mapping[str, bytes], version: str = VERSION, *, package: str = "ai-edge-litert", recorded: bool = True
) -> bytes:
    """A wheel with libraries by name, whose RECORD is right or not."""
    info = f"ai_edge_litert-{version}.dist-info"
    members = {f"ai_edge_litert/{name}": content for name, content in libraries.items()}
    members[f"{info}/METADATA"] = f"Metadata-Version: 2.4\nName: {package}\nVersion: {version}\n".encode()
    rows = [
        f"{name},sha256={base64.urlsafe_b64encode(hashlib.sha256(c).digest()).rstrip(b'=').decode()},{len(c)}"
        for name, c in members.items()
    ]
    if not recorded:
        rows = rows[1:]
    return archive(members | {f"{info}/RECORD": ("\n".join(rows) + "\n").encode()})
