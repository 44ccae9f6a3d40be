"""Programs of ours for devices and virtual phones: where make leaves them in a checkout, in a wheel beside the package."""

from __future__ import annotations

from pathlib import Path

from farm import __version__

BENCH = "dev.exray.bench"
"""The benchmark app's package."""
LINUX = {"x86_64": "linux-x86_64", "arm64-v8a": "linux-aarch64"}
"""Android ABI -> the platform whose programs a virtual phone runs."""
ANDROID = {"x86_64": "android-x86_64", "arm64-v8a": "android-arm64"}
"""The same of phones and emulators."""
_PACKAGE = Path(__file__).resolve().parent
_WHEEL = _PACKAGE / "bundled" / "agents"
_CHECKOUT = _PACKAGE.parent / "agents" / "native" / "build"
_DIST = _PACKAGE.parent / "dist"


def apk() -> Path:
    """Where the benchmark app is, or would be: in a wheel, else the debug build that `./run apk` makes of this version."""
    return _WHEEL.parent / "exray-bench.apk" if _WHEEL.is_dir() else _DIST / f"exray-bench-{__version__}-debug.apk"


def place(platform: str, name: str) -> Path:
    """Where the program of a platform (`linux-x86_64`, `android-arm64`, ...) is, or would be."""
    return (_WHEEL if _WHEEL.is_dir() else _CHECKOUT) / platform / name
