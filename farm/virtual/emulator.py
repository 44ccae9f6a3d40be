"""aarch64 programs on a machine of another kind: qemu-user, found by the kernel through binfmt_misc, or by the exec shim.

The phone's user namespace gets a registration of its own where the kernel has that (Linux 6.7 and later), else the
machine's own may know aarch64 (Debian's package qemu-user-binfmt registers it). Either way the kernel starts qemu
for every such program, whoever executes it: the shell, a script's child, a program's. Where neither is, the exec shim
(agents/native/shim) does: the phone's /etc/ld.so.preload lays it before the C library of every program, and a
ld.so.preload that only programs in qemu see lays the aarch64 build of it before theirs.
"""

from __future__ import annotations

import contextlib
import platform
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from farm import builds
from farm.errors import InfrastructureError
from farm.virtual.namespace import MS_BIND, MS_NODEV, MS_NOEXEC, MS_NOSUID, Mount, mount, protect
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
_SHIM = "usr/lib/farm"
_PRELOAD = "system/etc/ld.so.preload"
_GUESTS_PRELOAD = f"{_SHIM}/guest/etc/ld.so.preload"

Way = Literal["binfmt_misc", "exec-shim"]
"""How qemu is started for aarch64 programs: by the kernel, or by a library in whoever executes them."""


@dataclass(frozen=True)
class Emulator:
    """qemu-aarch64 and the folder of aarch64's C libraries on this machine, and the CPU that qemu plays.

    `force_shim`: take the exec shim also where the kernel could be told of qemu.
    """

    program: Path
    libraries: Path
    cpu: str
    force_shim: bool = False

    @property
    def environment(self) -> dict[str, str]:
        """What the phone's programs start with: qemu's own default CPU is ten times slower."""
        return {"QEMU_CPU": self.cpu}


def find(profile: Profile, *, force_shim: bool = False) -> Emulator | None:
    """The emulator that phones of `profile` need; None where this machine's processor runs their programs.

    Raises:
        InfrastructureError: qemu or aarch64's libraries are missing, or the shim that is forced, or no emulator is known
            for that ABI here.
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
    if force_shim and not shim(platform.machine()).is_file():
        raise InfrastructureError(
            "the exec shim is not built", where=str(shim(platform.machine())), remedy="run: make -C agents/native"
        )
    return Emulator(Path(program).resolve(), libraries.resolve(), profile.emulation.cpu, force_shim)


def shim(machine: str) -> Path:
    """Where the exec shim for programs of `machine` is built."""
    return builds.place(f"linux-{machine}", "exec-shim.so")


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
    _lay_shim(root)


def _lay_shim(root: Path) -> None:
    """Lay the shim's builds, as far as there are any, and who is to load them; nobody does before `register` says so."""
    places = (("aarch64", _GUESTS_PRELOAD), (platform.machine(), f"{_SHIM}/ld.so.preload"))
    for machine, preload in places:
        (root / preload).parent.mkdir(parents=True, exist_ok=True)
        inside = f"{_SHIM}/{machine}.so"
        built = shim(machine).is_file()
        if built:
            shutil.copyfile(shim(machine), root / inside)
        (root / preload).write_text(f"/{inside}\n" if built else "")
    (root / _PRELOAD).touch()


def mounts(emulator: Emulator) -> list[Mount]:
    """What to mount for it, the phone's /proc first."""
    flags = MS_NOSUID | MS_NODEV | MS_NOEXEC
    registry = Mount(_REGISTRY, kind="binfmt_misc", flags=flags, optional=True)
    return [
        Mount(_PROGRAM, str(emulator.program), read_only=True),
        Mount(LIBRARIES, str(emulator.libraries), read_only=True),
        *([] if emulator.force_shim else [registry]),
    ]


def register(emulator: Emulator, root: Path) -> Way:
    """Have aarch64 programs find the emulator in the phone whose tree, mounted, is `root`; says how they do.

    Raises:
        OSError: the shim cannot be mounted.
    """
    if not emulator.force_shim:
        with contextlib.suppress(OSError):
            with (root / _REGISTRY / "register").open("wb", buffering=0) as registry:
                registry.write(_REGISTRATION.encode())
            protect(root / _REGISTRY)
        with contextlib.suppress(OSError):
            _start_one([str(root / LIBRARIES / LOADER)])
            return "binfmt_misc"
    mount(str(root / _SHIM / "ld.so.preload"), str(root / _PRELOAD), "", MS_BIND)
    protect(root / _PRELOAD)
    return "exec-shim"


def probe(shell: str) -> None:
    """Have the phone's shell start an aarch64 program, inside the phone.

    Raises:
        OSError: it cannot.
    """
    _start_one([shell, "-c", 'exec "$0" "$@"', f"/{LIBRARIES}/{LOADER}"])


def _start_one(command: list[str]) -> None:
    done = subprocess.run([*command, "--version"], capture_output=True, check=False, timeout=20, env={})
    if done.returncode:
        said = done.stderr[-200:].decode(errors="replace")
        raise OSError(0, f"it answered {done.returncode}: {said}", command[-1])
