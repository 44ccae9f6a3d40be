"""Wheels of the runtime from the index that pip uses, by version and ABI; what the lock pins must hash to what it says."""

from __future__ import annotations

import importlib.metadata
import os
import re
import subprocess
import sys
from pathlib import Path

from farm.bundles.origin import PACKAGE
from farm.errors import InfrastructureError

LOCK = Path(__file__).resolve().parents[2] / "requirements.lock"
DOWNLOAD_S = 900.0
TAGS = {
    "arm64-v8a": tuple(f"manylinux_2_{minor}_aarch64" for minor in (17, 27, 28, 31, 34)),
    "x86_64": tuple(f"manylinux_2_{minor}_x86_64" for minor in (17, 27, 28, 31, 34)),
}
"""Android's word for an ABI -> platforms of wheels for Linux."""
ASKED = re.compile(r"(?:litert|ai-edge-litert)==(\d+(?:\.\d+){1,3}[0-9a-z.]*)")
"""What users type for a version of PyPI's."""


def installed() -> str:
    """The version that the farm's own environment has."""
    return importlib.metadata.version(PACKAGE)


def pin(lock: str, package: str, version: str) -> str | None:
    """The lines of a lock file that pin `package` to `version`, with their hashes; None when it does not."""
    line = rf"^{re.escape(package)}=={re.escape(version)}( .*)?\\\n"
    found = re.search(line + r"(    --hash=sha256:[0-9a-f]{64}.*\n)+", lock, re.MULTILINE)
    return None if found is None else found[0].rstrip().rstrip("\\").rstrip() + "\n"


def pinned(version: str) -> str | None:
    """What this project's lock says of a version; None: nothing."""
    return pin(LOCK.read_text(encoding="utf-8") if LOCK.is_file() else "", PACKAGE, version)


def wheel(abi: str, version: str, lines: str | None, folder: Path) -> Path:
    """Download the wheel for an ABI into `folder`. `lines` are a lock's, whose hashes it must have; None: any.

    Raises:
        InfrastructureError: it cannot be had, or has another hash.
    """
    wanted = folder / f"wanted-{abi}.txt"
    wanted.write_text(lines or f"{PACKAGE}=={version}\n", encoding="utf-8")
    into = folder / abi
    command = [
        *(sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-input"),
        *(("--require-hashes",) if lines is not None else ()),
        *("--no-deps", "--only-binary=:all:", "--dest", str(into)),
        *(word for tag in TAGS[abi] for word in ("--platform", tag)),
        *("-r", str(wanted)),
    ]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=DOWNLOAD_S, check=False,
            env=os.environ | {"PYTHONUTF8": "1"},
        )  # fmt: skip
        said = done.stderr.strip()[-600:]
    except subprocess.TimeoutExpired:
        said = f"nothing within {DOWNLOAD_S:.0f} s"
    wheels = list(into.glob("*.whl"))
    if len(wheels) != 1:
        raise InfrastructureError(
            f"pip could not fetch {PACKAGE} {version} for {abi}: {said}",
            where="runtime bundle",
            remedy="check the version, the network and pip's index, then try again",
        )
    return wheels[0]
