"""The wheel takes along what `make -C agents/native all-abis android` and `./run apk` built for devices and virtual phones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PLATFORMS = {
    "linux-x86_64": ("exray-agent", "exec-shim.so"),
    "linux-aarch64": ("exray-agent", "exec-shim.so"),
    "android-arm64": ("exray-agent",),
    "android-x86_64": ("exray-agent",),
}
APK = "farm/bundled/exray-bench.apk"
"""The benchmark app, debuggable: the farm reaches its files by run-as. A lab signs its own with `./run apk --release`."""


class BuildsHook(BuildHookInterface):  # type: ignore[type-arg]
    """What is not built is not taken, and said."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Name the programs and their places in the wheel."""
        if version == "editable":
            return
        root = Path(self.root)
        apk = root / "dist" / f"exray-bench-{self.metadata.version}-debug.apk"
        wanted = {APK: apk} | {
            f"farm/bundled/agents/{platform}/{name}": root / "agents" / "native" / "build" / platform / name
            for platform, names in PLATFORMS.items()
            for name in names
        }
        for place, built in wanted.items():
            if built.is_file():
                build_data["force_include"][str(built)] = place
            else:
                self.app.display_warning(f"{built} is not built: a wheel without it (./run wheel builds all)")
