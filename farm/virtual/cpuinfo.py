"""The text of /proc/cpuinfo, as Linux prints it on arm64 (arch/arm64/kernel/cpuinfo.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from farm.virtual.profile import Emulation


def text(emulation: Emulation, cpus: int) -> str:
    """What it says of `cpus` processors, those that are online."""
    return "".join(
        f"processor\t: {number}\n"
        "BogoMIPS\t: 38.40\n"
        f"Features\t: {emulation.features}\n"
        f"CPU implementer\t: 0x{emulation.implementer:02x}\n"
        "CPU architecture: 8\n"
        f"CPU variant\t: 0x{emulation.variant:x}\n"
        f"CPU part\t: 0x{emulation.part:03x}\n"
        f"CPU revision\t: {emulation.revision}\n\n"
        for number in range(cpus)
    )
