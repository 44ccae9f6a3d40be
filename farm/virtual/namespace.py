"""Namespaces of the kernel: a process tree with its own root, processes, names and network, and no way out.

Direct system calls through libc: Python 3.11 has no `unshare` and no `mount`. Every function raises OSError.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import socket
import struct
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

CLONE_NEWNS = 0x00020000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000

MS_RDONLY = 1
MS_NOSUID = 2
MS_NODEV = 4
MS_NOEXEC = 8
MS_REMOUNT = 32
MS_BIND = 4096
MS_REC = 16384
MS_PRIVATE = 1 << 18
_MNT_DETACH = 2

_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_PR_SET_CHILD_SUBREAPER = 36
_PR_SET_NO_NEW_PRIVS = 38
_CAPABILITY_VERSION_3 = 0x20080522
_TMPFS_MAGIC = 0x01021994
_SIOCSIFFLAGS = 0x8914
_IFF_UP = 1

# statvfs flag -> mount flag: a remount in a user namespace must repeat the flags the host has set.
_KEPT = ((1, MS_RDONLY), (2, MS_NOSUID), (4, MS_NODEV), (8, MS_NOEXEC), (1024, 1024), (2048, 2048), (4096, 1 << 21))

_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class Mount:
    """One mount of a phone's root: `source` bound to `target` (relative to the root), or a new `kind` of file system."""

    target: str
    source: str = ""
    kind: str = ""
    options: str = ""
    read_only: bool = False
    flags: int = field(default=MS_NOSUID | MS_NODEV)
    optional: bool = False


def _check(result: int, what: str) -> None:
    if result != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), what)


def unshare(flags: int) -> None:
    """Leave the namespaces that `flags` name for new ones."""
    _check(_libc.unshare(flags), "unshare")


def mount(source: str, target: str, kind: str, flags: int, options: str = "") -> None:
    """Call mount(2)."""
    arguments = (os.fsencode(source), os.fsencode(target), kind.encode(), ctypes.c_ulong(flags), os.fsencode(options))
    _check(_libc.mount(*arguments), f"mount {target}")


def unmount(target: str) -> None:
    """Take away the topmost mount on `target`, also from under those who still use it."""
    _check(_libc.umount2(os.fsencode(target), _MNT_DETACH), f"umount {target}")


def is_tmpfs(path: str) -> bool:
    """Whether `path` lies in memory; asked of statfs(2), since there may be no /proc of ours to look into."""
    told = ctypes.create_string_buffer(256)
    _check(_libc.statfs(os.fsencode(path), told), f"statfs {path}")
    return int.from_bytes(told.raw[: ctypes.sizeof(ctypes.c_long)], sys.byteorder) == _TMPFS_MAGIC


def setns(handle: int, kind: int) -> None:
    """Enter the namespace of `kind` that `handle` is a descriptor of."""
    _check(_libc.setns(handle, kind), "setns")


def die_with_parent(signal: int) -> None:
    """Have the kernel send this process `signal` when its parent ends."""
    _check(_libc.prctl(_PR_SET_PDEATHSIG, ctypes.c_ulong(signal), 0, 0, 0), "prctl PDEATHSIG")


def adopt_orphans() -> None:
    """Make this process the parent of its descendants whose own parent ends."""
    _check(_libc.prctl(_PR_SET_CHILD_SUBREAPER, ctypes.c_ulong(1), 0, 0, 0), "prctl CHILD_SUBREAPER")


def write_maps(pid: int, inside: int, uid: int, gid: int) -> None:
    """Name the host's `uid` and `gid` as `inside` in the user namespace that process `pid` has just made."""
    process = Path("/proc", str(pid))
    if os.geteuid() != 0:
        # The kernel lets only a privileged writer keep setgroups(2).
        process.joinpath("setgroups").write_text("deny")
    process.joinpath("uid_map").write_text(f"{inside} {uid} 1")
    process.joinpath("gid_map").write_text(f"{inside} {gid} 1")


def become(inside: int) -> None:
    """Be the user `inside`, and only that, in a new user namespace whose parent knows the caller as user and group 0."""
    if Path("/proc/self/setgroups").read_text().strip() == "allow":
        os.setgroups([])
    os.setresgid(0, 0, 0)
    os.setresuid(0, 0, 0)
    unshare(CLONE_NEWUSER)
    # Who changed its user does not own its own /proc files until it is dumpable again.
    _check(_libc.prctl(_PR_SET_DUMPABLE, ctypes.c_ulong(1), 0, 0, 0), "prctl DUMPABLE")
    process = Path("/proc/self")
    process.joinpath("setgroups").write_text("deny")
    process.joinpath("uid_map").write_text(f"{inside} 0 1")
    process.joinpath("gid_map").write_text(f"{inside} 0 1")


def build(root: Path, mounts: list[Mount], name: str, mounted: Callable[[Path], None]) -> None:
    """Make `root` the root of a new mount namespace, with `mounts` in it and nothing else of the host's, read-only.

    `mounted` is called with `root` while the host's files are still to be seen.
    """
    unshare(CLONE_NEWNS)
    mount("none", "/", "", MS_REC | MS_PRIVATE)
    mount(str(root), str(root), "", MS_BIND)
    for item in mounts:
        try:
            _apply(root, item)
        except OSError:
            if not item.optional:
                raise
    mounted(root)
    _remount(str(root), MS_NOSUID | MS_NODEV | MS_RDONLY)
    os.chdir(root)
    # The new root over the old one, then the old one out from under it: pivot_root(2), the last example.
    _check(_libc.pivot_root(b".", b"."), "pivot_root")
    _check(_libc.umount2(b".", _MNT_DETACH), "umount the host's root")
    os.chdir("/")
    host = name.encode()
    _check(_libc.sethostname(host, len(host)), "sethostname")
    _loopback_up()


def protect(target: Path) -> None:
    """Make what is mounted on `target` read-only for those who come by this way."""
    _remount(str(target), MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY)


def _apply(root: Path, item: Mount) -> None:
    target = str(root / item.target)
    flags = item.flags | (MS_RDONLY if item.read_only else 0)
    if item.kind:
        mount(item.kind, target, item.kind, flags, item.options)
    else:
        mount(item.source, target, "", MS_BIND)
        _remount(target, flags)


def _remount(target: str, flags: int) -> None:
    has = os.statvfs(target).f_flag
    kept = sum(flag for bit, flag in _KEPT if has & bit)
    mount("none", target, "", MS_BIND | MS_REMOUNT | kept | flags)


def _loopback_up() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        fcntl.ioctl(probe, _SIOCSIFFLAGS, struct.pack("16sh22x", b"lo", _IFF_UP))


def drop_privileges(uid: int, gid: int) -> None:
    """Become `uid` for good: no capability, and none to be had by executing anything."""
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
    _check(_libc.prctl(_PR_SET_NO_NEW_PRIVS, ctypes.c_ulong(1), 0, 0, 0), "prctl NO_NEW_PRIVS")
    # This process was forked from one of the host's: the phone's may not look into its memory and environment.
    _check(_libc.prctl(_PR_SET_DUMPABLE, ctypes.c_ulong(0), 0, 0, 0), "prctl DUMPABLE")
    header = struct.pack("<Ii", _CAPABILITY_VERSION_3, 0)
    _check(_libc.capset(header, bytes(24)), "capset")
