"""USB as Linux shows it: which phones hang where, how fast, and which of them adb does not see, and why."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from farm.doctor.finding import Finding, found

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SYSFS = Path("/sys/bus/usb/devices")
NODES = Path("/dev/bus/usb")
HUB = 0x09
ADB = (0xFF, 0x42, 0x01)
"""Class, subclass and protocol of adb's interface (AOSP, system/core: adb.h)."""
MAKERS = frozenset(
    {0x18D1, 0x04E8, 0x2717, 0x22D9, 0x2A70, 0x12D1, 0x0BB4, 0x0FCE, 0x1004, 0x22B8, 0x0E8D, 0x2D95, 0x05C6, 0x2AE5}
)
"""Google, Samsung, Xiaomi, Oppo, OnePlus, Huawei, HTC, Sony, LG, Motorola, MediaTek, Vivo, Qualcomm, Fairphone."""
HIGH_SPEED = 480.0
CROWD = 10
"""Phones on one hub: each may draw half an ampere and more while it charges."""


@dataclass(frozen=True)
class UsbDevice:
    """A device on the bus. `path` says where: `1-2.3` is port 3 of the hub at port 2 of bus 1."""

    path: str
    vendor: int
    product: str
    serial: str
    speed: float
    """Mbit/s; 0: not told."""
    hub: bool
    adb: bool
    """It has adb's interface: USB debugging is on."""
    node: Path
    """What adb has to open."""

    @property
    def parent(self) -> str:
        """Path of the hub it hangs on; empty for a root hub's own."""
        return self.path.rpartition(".")[0] or self.path.partition("-")[0]


def layout(sysfs: Path = SYSFS, nodes: Path = NODES) -> list[UsbDevice]:
    """What hangs on the bus, root hubs left out; one that cannot be read is not there."""
    devices = []
    for folder in sorted(sysfs.glob("[0-9]*-*")):
        if ":" in folder.name:
            continue
        interfaces = [
            tuple(_hex(i / f"bInterface{word}") for word in ("Class", "SubClass", "Protocol"))
            for i in (*folder.glob(f"{folder.name}:*"), *sysfs.glob(f"{folder.name}:*"))
        ]
        bus, number = _text(folder / "busnum"), _text(folder / "devnum")
        if not (bus.isdigit() and number.isdigit()):
            continue
        devices.append(
            UsbDevice(
                path=folder.name,
                vendor=_hex(folder / "idVendor"),
                product=_text(folder / "product") or _text(folder / "idProduct"),
                serial=_text(folder / "serial"),
                speed=_number(_text(folder / "speed")),
                hub=_hex(folder / "bDeviceClass") == HUB,
                adb=ADB in interfaces,
                node=nodes / f"{int(bus):03}" / f"{int(number):03}",
            )
        )
    return devices


def judge(devices: list[UsbDevice], states: Mapping[str, str]) -> Iterator[Finding]:
    """What is to be said of them; `states` is what the adb server lists, by serial."""
    hubs = [d for d in devices if d.hub]
    phones = [d for d in devices if d.adb or (d.vendor in MAKERS and not d.hub)]
    yield found("usb", "ok", f"{len(phones)} phones and {len(hubs)} hubs on the bus")
    for phone in phones:
        name = f"{phone.product or 'a phone'} {phone.serial} at {phone.path}".replace("  ", " ")
        if not phone.adb:
            remedy = "switch USB debugging on (docs/lab.md), and choose `File transfer` or `No data transfer` on it"
            yield found("usb", "warn", f"{name} has no adb interface", remedy)
            continue
        if not os.access(phone.node, os.R_OK | os.W_OK):
            remedy = "apt install android-sdk-platform-tools-common (udev rules), join group plugdev, plug it in again"
            yield found("usb", "fail", f"{name}: this user may not open {phone.node}", remedy)
        elif phone.serial not in states:
            remedy = "another adb server or program may hold it; unplug it and plug it in again"
            yield found("usb", "warn", f"{name} is not listed by adb", remedy)
        else:
            yield found("usb", "ok", f"{name}: {phone.speed:g} Mbit/s, {states[phone.serial]}")
        if 0 < phone.speed < HIGH_SPEED:
            remedy = "take a data cable and another port: captures of hundreds of MB will be slow"
            yield found("usb", "warn", f"{name} runs at {phone.speed:g} Mbit/s", remedy)
    for hub, count in Counter(d.parent for d in phones).items():
        if count > CROWD:
            yield found("usb", "warn", f"{count} phones on hub {hub}", "spread them over powered hubs (docs/lab.md)")


def _text(file: Path) -> str:
    try:
        return file.read_text("utf-8", "replace").strip()
    except OSError:
        return ""


def _hex(file: Path) -> int:
    try:
        return int(_text(file) or "0", 16)
    except ValueError:
        return 0


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0
