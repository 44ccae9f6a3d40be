"""The farm's own app for virtual phones: an APK that says what the real one says, and has none of its Java."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests import apks

if TYPE_CHECKING:
    from pathlib import Path


def make(folder: Path, *, debuggable: bool) -> Path:
    """Write its file."""
    return apks.make(folder / "exray-bench.apk", apks.manifest(debuggable=debuggable))
