"""Programs of ours for devices and virtual phones: where make leaves them in a checkout, in a wheel beside the package."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
_WHEEL = _PACKAGE / "bundled" / "agents"
_CHECKOUT = _PACKAGE.parent / "agents" / "native" / "build"


def place(platform: str, name: str) -> Path:
    """Where the program of a platform (`linux-x86_64`, `android-arm64`, ...) is, or would be."""
    return (_WHEEL if _WHEEL.is_dir() else _CHECKOUT) / platform / name
