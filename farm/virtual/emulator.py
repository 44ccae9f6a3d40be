"""aarch64 programs on a machine of another kind: qemu-user, found by the kernel through binfmt_misc.

The phone's user namespace gets a registration of its own where the kernel has that (Linux 6.7 and later), else the
machine's own has to know aarch64 (Debian's package qemu-user-binfmt registers it). Either way the kernel starts qemu
for every such program, whoever executes it: the shell, a script's child, a program's.
"""

from __future__ import annotations

import contextlib
import platform
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from farm.errors import InfrastructureError
from farm.virtual.namespace import MS_NODEV, MS_NOEXEC, MS_NOSUID, Mount, protect
from farm.virtual.profile import native_abi

if TYPE_CHECKING:
    from farm.virtual.profile import Profile

LIBRARIES = "usr/lib/aarch64-linux-gnu"
LOADER = "ld-linux-aarch64.so.1"
PACKAGES = "qemu-user libc6-arm64-cross libstdc++6-arm64-cross"
_PROGRAM = "usr/bin/qemu-aarch64"
_DEBIANS_NAME = "usr/libexec/qemu-binfmt/aarch64-binfmt-P"
_REGISTRY = "proc/sys/fs/binfmt_misc"
_PLACES = (Path("/usr/aarch64-linux-gnu/lib"),)
_NEEDED = (LOADER, "libc.so.6", "libstdc++.so.6", "libgcc_s.so.1")
# ELF, 64 bits, little-endian, any ABI version; an executable or a shared object, for machine 183.
_MAGIC = r"\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00"
_MASK = r"\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff"
# P: qemu learns argv[0]; F: the kernel opens qemu now, so nothing in the phone can stand in for it.
_REGISTRATION = f":farm-aarch64:M::{_MAGIC}:{_MASK}:/{_PROGRAM}:PF"


@dataclass(frozen=True)
class Emulator:
    """qemu-aarch64 and the folder of aarch64's C libraries on this machine, and the CPU that qemu plays."""

    program: Path
    libraries: Path
    cpu: str

    @property
    def environment(self) -> dict[str, str]:
        """What the phone's programs start with: qemu's own default CPU is ten times slower."""
        return {"QEMU_CPU": self.cpu}


def find(profile: Profile) -> Emulator | None:
    """The emulator that phones of `profile` need; None where this machine's processor runs their programs.

    Raises:
        InfrastructureError: qemu or aarch64's libraries are missing, or no emulator is known for that ABI here.
    """
    native = native_abi()
    if native == profile.abi:
        return None
    if profile.abi != "arm64-v8a":
        raise InfrastructureError(
            f"no virtual phone of {profile.abi} on {platform.machine()}",
            remedy=f"take a profile of {native or 'x86_64'}",
        )
    program = shutil.which("qemu-aarch64")
    libraries = next((place for place in _PLACES if all((place / name).exists() for name in _NEEDED)), None)
    if program is None or libraries is None:
        missing = " and ".join(
            what
            for what, found in (("qemu-aarch64", program), ("aarch64's C and C++ libraries", libraries))
            if not found
        )
        raise InfrastructureError(
            f"a virtual phone of {profile.abi} needs {missing}, which this machine has not",
            remedy=f"apt install {PACKAGES}",
        )
    if profile.emulation is None:
        raise InfrastructureError(
            f"the profile of {profile.product.model} has no [emulation], and this machine cannot run {profile.abi} itself",
            remedy="name qemu's CPU and its features there, as the profile arm64 does",
        )
    return Emulator(Path(program).resolve(), libraries.resolve(), profile.emulation.cpu)


def create_places(root: Path) -> None:
    """Make the places in a phone's tree that `mounts` mounts on."""
    (root / _PROGRAM).parent.mkdir(parents=True, exist_ok=True)
    (root / _PROGRAM).touch()
    alias = root / _DEBIANS_NAME
    alias.parent.mkdir(parents=True, exist_ok=True)
    alias.symlink_to(f"/{_PROGRAM}")
    (root / LIBRARIES).mkdir(parents=True, exist_ok=True)
    loader = root / "lib" / LOADER
    if not loader.is_symlink():
        loader.parent.mkdir(parents=True, exist_ok=True)
        loader.symlink_to(f"/{LIBRARIES}/{LOADER}")


def mounts(emulator: Emulator) -> list[Mount]:
    """What to mount for it, the phone's /proc first."""
    flags = MS_NOSUID | MS_NODEV | MS_NOEXEC
    return [
        Mount(_PROGRAM, str(emulator.program), read_only=True),
        Mount(LIBRARIES, str(emulator.libraries), read_only=True),
        Mount(_REGISTRY, kind="binfmt_misc", flags=flags, optional=True),
    ]


def register(root: Path) -> None:
    """Tell the phone's own binfmt_misc of the emulator, where there is one; `root` is the tree, mounted."""
    with contextlib.suppress(OSError):
        with (root / _REGISTRY / "register").open("wb", buffering=0) as registry:
            registry.write(_REGISTRATION.encode())
        protect(root / _REGISTRY)


def probe() -> None:
    """Start an aarch64 program, inside the phone.

    Raises:
        OSError: the kernel does not know how.
    """
    loader = f"/{LIBRARIES}/{LOADER}"
    done = subprocess.run([loader, "--version"], capture_output=True, check=False, timeout=20, env={})
    if done.returncode:
        raise OSError(0, f"it answered {done.returncode}: {done.stderr[-200:].decode(errors='replace')}", loader)
