"""A phone's root tree: Android's places, filled with Debian's mksh and toybox and the host's C libraries."""

from __future__ import annotations

import contextlib
import os
import platform
import shutil
import subprocess
import time
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from farm.errors import InfrastructureError
from farm.virtual import climate, cpuinfo, emulator
from farm.virtual.namespace import MS_NODEV, MS_NOEXEC, MS_NOSUID, Mount

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from farm.virtual.emulator import Emulator
    from farm.virtual.profile import Profile

USER = 2000
"""Android's `shell`, user and group: who every command runs as."""
TEMPORARY = "data/local/tmp"
STATE = "data/virtual"
"""Where the figures behind `dumpsys` lie, one small file each, for the host to change."""
APPS = "data/app"
"""The apps that farm.virtual.packages put there, each in a folder of its name; the phone itself can only read them."""
APP_DATA, SHARED = "data/data", "storage/emulated/0"
"""Where apps keep their own files, and what everybody calls /sdcard."""
TRACES = "data/misc/perfetto-traces"
"""Where Perfetto may write and the shell reads."""
SYSTEM = "data/system"
"""Where the phone's own services keep what its shell told them: settings, properties, the log."""
_SYSTEM_BYTES, _TRACES_BYTES = 4 << 20, 16 << 20
ENVIRONMENT = {
    "PATH": "/system/bin:/vendor/bin",
    "HOME": "/",
    "TMPDIR": "/data/local/tmp",
    "USER": "shell",
    "LOGNAME": "shell",
    "SHELL": "/system/bin/sh",
    "ANDROID_ROOT": "/system",
    "ANDROID_DATA": "/data",
}

_FOLDERS = (
    "system/bin", "system/etc", "vendor/bin", "usr/lib", "dev/pts", "proc", "sys", TEMPORARY, SYSTEM, STATE,
    APPS, APP_DATA, SHARED, TRACES, "storage/self",
)  # fmt: skip
_DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
_SCRIPTS = resources.files("farm.virtual").joinpath("system")
_EMULATED = ("uname",)
"""Scripts for phones whose programs run on another processor than the kernel."""
_INTERPRETERS = ("/lib64/ld-linux-x86-64.so.2", "/lib/ld-linux-aarch64.so.1")


@dataclass(frozen=True)
class Programs:
    """Where the host has the programs a phone is made of, and what `toybox` can be called as."""

    shell: Path
    toybox: Path
    commands: tuple[str, ...]


def find_programs() -> Programs:
    """Find mksh and toybox.

    Raises:
        InfrastructureError: one is missing.
    """
    shell, toybox = shutil.which("mksh"), shutil.which("toybox")
    if shell is None or toybox is None:
        missing = " and ".join(name for name, path in (("mksh", shell), ("toybox", toybox)) if path is None)
        raise InfrastructureError(
            f"a virtual phone needs {missing}, which this machine has not", remedy="apt install mksh toybox"
        )
    listing = subprocess.run([toybox], capture_output=True, text=True, timeout=10, check=True).stdout
    commands = {word for word in listing.split() if "/" not in word}
    return Programs(Path(shell).resolve(), Path(toybox).resolve(), tuple(sorted(commands - {"sh"})))


def properties(profile: Profile, serial: str) -> dict[str, str]:
    """The phone's system properties; `ro.farm.virtual` marks every figure that comes from it."""
    product, soc, android = profile.product, profile.soc, profile.android
    name = product.device
    fingerprint = f"{product.brand}/{name}/{name}:{android.release}/VIRTUAL/1:user/release-keys"
    return profile.properties | {
        "dev.bootcomplete": "1",
        "ro.board.platform": soc.platform,
        "ro.build.fingerprint": fingerprint,
        "ro.build.id": "VIRTUAL",
        "ro.build.tags": "release-keys",
        "ro.build.type": "user",
        "ro.build.version.incremental": "1",
        "ro.build.version.release": android.release,
        "ro.build.version.sdk": str(android.sdk),
        "ro.build.version.security_patch": android.security_patch,
        "ro.debuggable": "0",
        "ro.farm.virtual": "1",
        "ro.hardware": soc.hardware,
        "ro.product.brand": product.brand,
        "ro.product.cpu.abi": profile.abi,
        "ro.product.cpu.abilist": profile.abi,
        "ro.product.device": name,
        "ro.product.manufacturer": product.manufacturer,
        "ro.product.model": product.model,
        "ro.product.name": name,
        "ro.serialno": serial,
        "ro.sf.lcd_density": str(product.density),
        "ro.soc.manufacturer": soc.manufacturer,
        "ro.soc.model": soc.model,
        "sys.boot_completed": "1",
    }


def create(
    root: Path, programs: Programs, profile: Profile, runs_on: Emulator | None, serial: str, owner: tuple[int, int]
) -> None:
    """Write a phone's tree at `root`, a new folder; `owner` (the host's user and group) may write in its TEMPORARY."""
    for folder in _FOLDERS:
        (root / folder).mkdir(parents=True, exist_ok=True)
    for name in _DEVICES:
        (root / "dev" / name).touch()
    (root / "dev/ptmx").symlink_to("pts/ptmx")
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        (root / "dev" / name).symlink_to(f"/proc/self/fd/{number}")
    (root / "dev/fd").symlink_to("/proc/self/fd")
    (root / "bin").symlink_to("system/bin")
    (root / "etc").symlink_to("system/etc")
    programs_folder = root / "system/bin"
    for name in ("sh", "toybox"):
        (programs_folder / name).touch()
    scripts = {entry.name: entry for entry in _SCRIPTS.iterdir() if entry.is_file()}
    for name in _EMULATED if runs_on is None else ():
        del scripts[name]
    for name in programs.commands:
        if name not in scripts:
            (programs_folder / name).symlink_to("toybox")
    for name, script in scripts.items():
        (programs_folder / name).write_bytes(script.read_bytes())
        (programs_folder / name).chmod(0o755)
    for entry in _SCRIPTS.joinpath("etc").iterdir():
        (root / "system/etc" / entry.name).write_bytes(entry.read_bytes())
    lines = (f"{name}={value}\n" for name, value in sorted(properties(profile, serial).items()))
    (root / "system/build.prop").write_text("".join(lines))
    (root / "system/etc/passwd").write_text(f"shell:x:{USER}:{USER}::/:/system/bin/sh\n")
    (root / "system/etc/group").write_text(f"shell:x:{USER}:\n")
    climate.create(profile, root, online(profile))
    _create_library_places(root)
    if runs_on is not None and profile.emulation is not None:
        emulator.create_places(root)
        (root / STATE / "cpuinfo").write_text(cpuinfo.text(profile.emulation, online(profile)))
    (root / "storage/self/primary").symlink_to(f"/{SHARED}")
    (root / "sdcard").symlink_to("storage/self/primary")
    for folder in (TEMPORARY, APP_DATA, SHARED):
        os.chown(root / folder, *owner)
        (root / folder).chmod(0o771)


def online(profile: Profile) -> int:
    """How many of the profile's CPUs there are: this machine's, the others are offline."""
    return min(profile.cpus, os.cpu_count() or 1)


def _libraries() -> list[Path]:
    """The host's folders with the C library, the loader and libstdc++, each once and without links in its path."""
    triplet = f"{platform.machine()}-linux-gnu"
    candidates = ("/usr/lib64", "/lib64", f"/usr/lib/{triplet}", f"/lib/{triplet}")
    folders = list(dict.fromkeys(Path(path).resolve() for path in candidates if Path(path).is_dir()))
    if not any((folder / "libc.so.6").exists() for folder in folders):
        folders = [Path("/usr/lib").resolve()]
    return folders


def _create_library_places(root: Path) -> None:
    for name in ("lib", "lib64"):
        if Path("/", name).is_symlink():
            (root / name).symlink_to(Path("/", name).readlink())
    folders = _libraries()
    for folder in folders:
        (root / folder.relative_to("/")).mkdir(parents=True, exist_ok=True)
    for interpreter in map(Path, _INTERPRETERS):
        place = interpreter.parent.resolve()
        if interpreter.is_symlink() and place not in folders:
            link = root / place.relative_to("/") / interpreter.name
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(interpreter.readlink())


def mounts(root: Path, programs: Programs, runs_on: Emulator | None, storage_bytes: int | None) -> list[Mount]:
    """What to mount in a tree that `create` wrote; TEMPORARY holds `storage_bytes` at most, or what the disk holds."""
    own = "uid=0,gid=0"  # as the namespace that mounts calls the one who is USER in the phone
    result = [Mount(str(path.relative_to("/")), str(path), read_only=True) for path in _libraries()]
    result += [
        Mount("system/bin/sh", str(programs.shell), read_only=True),
        Mount("system/bin/toybox", str(programs.toybox), read_only=True),
    ]
    result += [Mount(f"dev/{name}", f"/dev/{name}", flags=MS_NOSUID | MS_NOEXEC) for name in _DEVICES]
    result += [
        # An instance of its own: the host's terminals are not in it.
        Mount("dev/pts", kind="devpts", options="newinstance,ptmxmode=0666,mode=620", flags=MS_NOSUID | MS_NOEXEC),
        Mount("proc", kind="proc", flags=MS_NOSUID | MS_NODEV | MS_NOEXEC),
        # The phone's user owns the namespaces, and with them some of these.
        Mount("proc/sys", str(root / "proc/sys"), read_only=True, flags=MS_NOSUID | MS_NODEV | MS_NOEXEC),
        Mount(SYSTEM, kind="tmpfs", options=f"size={_SYSTEM_BYTES},nr_inodes=4096,mode=755,{own}"),
        Mount(TRACES, kind="tmpfs", options=f"size={_TRACES_BYTES},nr_inodes=256,mode=755,{own}"),
    ]
    if runs_on is not None:
        result += emulator.mounts(runs_on)
        result.append(Mount("proc/cpuinfo", str(root / STATE / "cpuinfo"), read_only=True))
    result += [
        Mount(APP_DATA, str(root / APP_DATA)),
        Mount(SHARED, str(root / SHARED), flags=MS_NOSUID | MS_NODEV | MS_NOEXEC),
    ]
    if storage_bytes is None:
        result.append(Mount(TEMPORARY, str(root / TEMPORARY)))
    else:
        result.append(Mount(TEMPORARY, kind="tmpfs", options=f"size={storage_bytes},mode=771,{own}"))
    return result


def remove(folder: Path) -> None:
    """Remove a phone's folder with all in it, whatever the phone did to its permissions; gone already is well.

    Another phone's, that has the same name since, is left alone: held open, this one's inode is nobody else's.
    """
    try:
        held = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW)
    except FileNotFoundError:
        return
    try:
        for _ in range(50):
            with contextlib.suppress(FileNotFoundError):
                shutil.rmtree(folder, onerror=_retry)
            try:
                if not os.path.samestat(os.fstat(held), folder.lstat()):
                    return
            except FileNotFoundError:
                return
            time.sleep(0.02)  # a process of the phone is still ending, and writing
    finally:
        os.close(held)


def _retry(
    action: Callable[..., object], path: str, failure: tuple[type[BaseException], BaseException, TracebackType]
) -> None:
    with contextlib.suppress(OSError):
        Path(path).parent.chmod(0o700)
        if not Path(path).is_symlink():
            Path(path).chmod(0o700)
        if Path(path).is_dir() and not Path(path).is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            Path(path).unlink(missing_ok=True)
    del action, failure
