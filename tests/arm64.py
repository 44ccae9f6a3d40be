"""What the tests of arm64 phones share: whether this machine can have them, and what they need."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from farm.errors import InfrastructureError
from farm.run import bundle
from farm.virtual import emulator, profiles
from tests.agents.kit import NATIVE, locked


def require() -> None:
    """Skip, saying why, where no arm64 phone can be."""
    try:
        emulator.find(profiles.load("arm64"))
    except InfrastructureError as error:
        pytest.skip(f"{error.message}; {error.remedy}")


def require_runs(data: Path) -> None:
    """Skip, saying why, where nothing can be run on an arm64 phone; else have its agent built and its runtime in `data`."""
    require()
    compiler = shutil.which("aarch64-linux-gnu-gcc")
    if compiler is not None:
        with locked(NATIVE / "build" / ".lock"):
            command = ["make", "-C", str(NATIVE), f"CC={compiler}", "PLATFORM=linux-aarch64"]
            subprocess.run(command, check=True, capture_output=True)
    try:
        bundle.ensure("arm64-v8a", data)
        bundle.for_abi("arm64-v8a", virtual=True, data=data)
    except InfrastructureError as error:
        pytest.skip(f"{error.message}; {error.remedy}")
