"""Programs of ours for devices and virtual phones: where make leaves them in a checkout, in a wheel beside the package."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
_WHEEL = _PACKAGE / "bundled" / "agents"
_CHECKOUT = _PACKAGE.parent / "agents" / "native" / "build"


_APK_WHEEL = _PACKAGE / "bundled" / "exray-bench.apk"
_APK_CHECKOUT = _PACKAGE.parent / "dist"


def apk() -> Path:
    """Where the benchmark app is, or would be: in a wheel, else the newest debug build that `./run apk` made."""
    if _WHEEL.is_dir():
        return _APK_WHEEL
    built = sorted(_APK_CHECKOUT.glob("exray-bench-*-debug.apk"), key=lambda path: path.stat().st_mtime)
    return built[-1] if built else _APK_CHECKOUT / "exray-bench-debug.apk"


def place(platform: str, name: str) -> Path:
    """Where the program of a platform (`linux-x86_64`, `android-arm64`, ...) is, or would be."""
    return (_WHEEL if _WHEEL.is_dir() else _CHECKOUT) / platform / name
