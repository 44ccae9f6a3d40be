"""The benchmark app, built from a copy of its sources: nothing of the checkout is written to but its jars."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

from tests.agents.kit import NATIVE, locked
from tests.conftest import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

COPIED = ("android_app", "agents/java/src")
LIBRARIES = ("libexray_jni.so", "libexray_agent_jni.so")


def checkout(folder: Path) -> Path:
    """What the packer reads, in a folder of its own; the jars are the checkout's."""
    for name in COPIED:
        shutil.copytree(ROOT / name, folder / name)
    (folder / "tools").mkdir()
    for name in ("pyproject.toml", "tools/pack_apk.py"):
        shutil.copy(ROOT / name, folder / name)
    for platform in ("android-arm64", "android-x86_64"):
        built = folder / "agents" / "native" / "build" / platform
        built.mkdir(parents=True)
        for name in LIBRARIES:
            shutil.copy(ROOT / "agents" / "native" / "build" / platform / name, built / name)
    (ROOT / ".setup" / "jars").mkdir(parents=True, exist_ok=True)
    (folder / ".setup").mkdir()
    (folder / ".setup" / "jars").symlink_to(ROOT / ".setup" / "jars")
    return folder


def make_libraries() -> None:
    """The native halves for both ABIs."""
    make = ["make", "-C", str(NATIVE), f"PYTHON={sys.executable}", "android"]
    with locked(NATIVE / "build" / ".lock"):
        subprocess.run(make, check=True, capture_output=True)


def pack(
    folder: Path, home: Path, *arguments: str, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run the packer of a copy; `home` is where the user's own key lies."""
    return subprocess.run(
        [sys.executable, str(folder / "tools" / "pack_apk.py"), *arguments],
        check=False, capture_output=True, text=True, cwd=folder,
        env=os.environ | {"XDG_DATA_HOME": str(home)} | dict(environment or {}),
    )  # fmt: skip
