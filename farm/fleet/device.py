"""A device as the rest of the farm sees it: what it is, not how to talk to it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

State = Literal["device", "offline", "unauthorized", "authorizing", "unresponsive"]
Kind = Literal["virtual", "phone", "emulator", "unknown"]

Condition = Literal["ready", "busy", "cooling", "charging", "offline", "unauthorized", "quarantined", "needs-human"]


@dataclass(frozen=True)
class Standing:
    """What a device is good for now, and why."""

    condition: Condition
    reason: str = ""
    since: float = 0.0
    """Unix seconds."""
    remedy: str = ""


@dataclass(frozen=True)
class Device:
    """An adb endpoint and the properties it told. Without an answer to getprop, `properties` is empty."""

    serial: str
    state: State
    """adb's word, or `unresponsive`."""
    properties: Mapping[str, str] = field(default_factory=dict)
    host: str = ""
    """Of farm.toml's [[host]]; empty for [adb]."""
    name: str = ""
    pool: str = ""
    labels: frozenset[str] = frozenset()
    holder: str = ""
    """The user who reserved it; only their runs go there."""
    standing: Standing | None = None
    """What the fleet knows beyond adb's word."""
    battery: int | None = None
    """Percent, as last told; as the two below."""
    battery_c: float | None = None
    thermal: str | None = None
    """Android's thermal status, its word."""
    task: str = ""
    """What the fleet does with it now: `asked`, `booting`, `enrolled`, `rebooted`."""
    last_seen: float = 0.0
    """Unix seconds; 0 when it never answered."""

    @property
    def ready(self) -> bool:
        """Whether a run may start on it, as far as its own state goes."""
        return self.state == "device" and (self.standing is None or self.standing.condition == "ready")

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
        # Android 12 took ro.kernel.qemu away; the serial tells only of those on this computer.
        told = "1" in (self.properties.get("ro.kernel.qemu"), self.properties.get("ro.boot.qemu"))
        return "emulator" if told or "emulator-" in self.serial else "phone"
