"""A device as the rest of the farm sees it: what it is, not how to talk to it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

State = Literal["device", "offline", "unauthorized", "authorizing", "unresponsive"]
Kind = Literal["virtual", "phone", "emulator", "unknown"]


@dataclass(frozen=True)
class Device:
    """An adb endpoint and the properties it told. Without an answer to getprop, `properties` is empty."""

    serial: str
    state: State
    properties: Mapping[str, str] = field(default_factory=dict)

    @property
    def abi(self) -> str:
        """`arm64-v8a`, `x86_64`, ...; empty when unknown."""
        return self.properties.get("ro.product.cpu.abi", "")

    @property
    def sdk(self) -> int | None:
        """Android's API level; None when unknown."""
        text = self.properties.get("ro.build.version.sdk", "")
        return int(text) if text.isascii() and text.isdigit() else None

    @property
    def model(self) -> str:
        """What the maker calls it."""
        return self.properties.get("ro.product.model", "")

    @property
    def soc(self) -> str:
        """The chip."""
        return self.properties.get("ro.soc.model", "") or self.properties.get("ro.board.platform", "")

    @property
    def kind(self) -> Kind:
        """`virtual` says so itself; nothing it measures stands for a phone."""
        if not self.properties:
            return "unknown"
        if self.properties.get("ro.farm.virtual") == "1":
            return "virtual"
        return "emulator" if self.properties.get("ro.kernel.qemu") == "1" or "emulator-" in self.serial else "phone"
