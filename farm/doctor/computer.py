"""The computer under the lab: kernel limits, namespaces for virtual phones, disk, clocks."""

from __future__ import annotations

import ctypes
import os
import resource
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from farm.doctor.finding import Finding, found
from farm.errors import FarmError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from farm.doctor.finding import Level
    from farm.settings import Settings

FILES = 4096
"""Each phone takes a handful of sockets, each client one."""
PROCESSES = 2048
INOTIFY = 128
PROBE_BYTES = 32 << 20
SLOW_MB_S = 50.0
NETWORK = frozenset({"nfs", "nfs4", "cifs", "smb3", "9p", "fuse.sshfs"})
TIME_ERROR = 5
"""What adjtimex(2) returns while the clock is not synchronized."""
SLEPT_S = 60.0


def kernel(proc: Path = Path("/proc")) -> Iterator[Finding]:
    """Limits of this process and of this user."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    level: Level = "ok" if soft >= FILES or soft == resource.RLIM_INFINITY else "warn"
    yield found(
        "kernel", level, f"{soft} open files (at most {hard})", f"ulimit -n {FILES}, or LimitNOFILE= in the unit"
    )
    most = resource.getrlimit(resource.RLIMIT_NPROC)[0]
    level = "ok" if most == resource.RLIM_INFINITY or most >= PROCESSES else "warn"
    told = "any number of" if most == resource.RLIM_INFINITY else str(most)
    yield found("kernel", level, f"{told} processes", f"ulimit -u {PROCESSES}: a virtual phone takes about ten")
    for name in ("max_user_instances", "max_user_watches"):
        value = _number(proc / "sys/fs/inotify" / name)
        if value is not None:
            remedy = f"sysctl fs.inotify.{name}=8192: other programs of the lab (udev, editors) share them"
            yield found("kernel", "ok" if value >= INOTIFY else "warn", f"inotify {name} {value}", remedy)


def virtual(proc: Path = Path("/proc")) -> Iterator[Finding]:
    """What virtual phones need; a lab of real phones does without."""
    from farm.virtual.root import find_programs

    try:
        programs = find_programs()
        yield found("virtual", "ok", f"mksh and toybox with {len(programs.commands)} commands")
    except FarmError as e:
        yield found("virtual", "warn", str(e), e.remedy)
    yield _namespaces(proc)
    emulator = shutil.which("qemu-aarch64-static") or shutil.which("qemu-aarch64")
    handlers = sorted(p.name for p in (proc / "sys/fs/binfmt_misc").glob("qemu-aarch64*"))
    if os.uname().machine == "aarch64":
        yield found("virtual", "ok", "this computer runs arm64 itself")
    elif emulator is None:
        yield found("virtual", "warn", "no qemu-aarch64: no virtual phones of arm64-v8a", "apt install qemu-user")
    else:
        yield found(
            "virtual", "ok", f"{emulator} for arm64-v8a; binfmt: {', '.join(handlers) or 'none, none is needed'}"
        )


def _namespaces(proc: Path) -> Finding:
    own = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    unshare = shutil.which("unshare")
    if unshare is None:
        return found("virtual", "warn", "no `unshare` to try namespaces with", "apt install util-linux")
    done = subprocess.run(
        [unshare, *own, "--mount", "--pid", "--net", "--fork", "true"],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    if done.returncode == 0:
        return found("virtual", "ok", "namespaces can be made")
    switches = {
        "kernel/apparmor_restrict_unprivileged_userns": ("1", "sysctl kernel.apparmor_restrict_unprivileged_userns=0"),
        "kernel/unprivileged_userns_clone": ("0", "sysctl kernel.unprivileged_userns_clone=1"),
        "user/max_user_namespaces": ("0", "sysctl user.max_user_namespaces=15000"),
    }
    remedies = [fix for name, (bad, fix) in switches.items() if _text(proc / "sys" / name) == bad]
    remedy = "; ".join(remedies) or "a container may forbid them: run it with more rights, or outside"
    return found("virtual", "warn", f"no virtual phones: {done.stderr.strip()[:200]}", remedy)


def disk(settings: Settings, mounts: Path = Path("/proc/mounts")) -> Iterator[Finding]:
    """Room for the data folder, its kind of file system, and how fast it takes files in."""
    folder = settings.data
    while not folder.is_dir():
        folder = folder.parent
    usage, floor = shutil.disk_usage(folder), settings.api.disk_floor_mb << 20
    level: Level = "ok" if usage.free >= 2 * floor else "warn" if usage.free >= floor else "fail"
    text = f"{usage.free / 1e9:.1f} of {usage.total / 1e9:.1f} GB free at {folder}"
    yield found("disk", level, text, "free some space, run `farm gc`, or lower retention.disk_gb")
    budget = settings.retention.disk_gb * 1e9
    if budget > usage.total:
        yield found(
            "disk", "warn", f"retention.disk_gb is {settings.retention.disk_gb:g}, more than the disk has",
            "set it to what the farm may have: until then only api.disk_floor_mb holds",
        )  # fmt: skip
    kind = filesystem(folder, mounts)
    if kind in NETWORK:
        yield found(
            "disk", "fail", f"{folder} is on {kind}", "SQLite's locks do not hold there: set `data` to a local disk"
        )
    speed = _speed(folder)
    if speed is None:
        yield found("disk", "fail", f"{folder} cannot be written", "set another `data` folder")
    else:
        remedy = "captures come in as fast as this: take an SSD for `data`"
        yield found("disk", "ok" if speed >= SLOW_MB_S else "warn", f"writes {speed:.0f} MB/s, with fsync", remedy)


def filesystem(folder: Path, mounts: Path = Path("/proc/mounts")) -> str:
    """The kind of file system a folder is on; empty where that is not told."""
    best, kind = "", ""
    for line in _text(mounts).splitlines():
        fields = line.split(" ")
        if len(fields) < 3:
            continue
        point = fields[1].replace("\\040", " ").replace("\\011", "\t")
        inside = point == "/" or str(folder.absolute()) == point or str(folder.absolute()).startswith(f"{point}/")
        if inside and len(point) >= len(best):
            best, kind = point, fields[2]
    return kind


def clocks() -> Iterator[Finding]:
    """Wall clock, and what it has in common with the monotonic one."""
    remedy = "timedatectl set-ntp true: events of phones and of this computer are compared by their times"
    try:
        # int adjtimex(struct timex *): with all zero it only reads. 208 bytes on 64-bit Linux; more does no harm.
        state = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.create_string_buffer(512))
    except (OSError, AttributeError):
        state = -1
    if state < 0:
        yield found("clock", "warn", "whether the clock is synchronized is not told", remedy)
    else:
        synced = state != TIME_ERROR
        yield found("clock", "ok" if synced else "warn", f"the clock is {'' if synced else 'not '}synchronized", remedy)
    slept = time.clock_gettime(time.CLOCK_BOOTTIME) - time.monotonic()
    if slept > SLEPT_S:
        yield found(
            "clock", "warn", f"this computer slept {slept / 3600:.1f} h since it booted",
            "systemctl mask sleep.target suspend.target: leases and phones do not sleep with it",
        )  # fmt: skip
    else:
        yield found("clock", "ok", "wall and monotonic clock go together")


def _speed(folder: Path) -> float | None:
    """MB/s."""
    block = os.urandom(1 << 20)
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            began = time.monotonic()
            for _ in range(PROBE_BYTES // len(block)):
                file.write(block)
            file.flush()
            os.fsync(file.fileno())
            return PROBE_BYTES / 1e6 / (time.monotonic() - began)
    except OSError:
        return None


def _text(file: Path) -> str:
    try:
        return file.read_text("utf-8", "replace").strip()
    except OSError:
        return ""


def _number(file: Path) -> int | None:
    text = _text(file)
    return int(text) if text.isdigit() else None
