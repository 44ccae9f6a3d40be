"""This computer's CPU: its clock, and its loan to one measurement at a time, so that virtual phones and references never time
each other.

A lock file of the user's, shared by all their daemons. The kernel releases it when its holder dies, however it dies.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from farm.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

VARIABLE = "FARM_HOST_LOCK"
"""Names another lock file: for tests, and for machines cut into parts that do not disturb each other."""
STAGE = "wait for the host's CPU"
LOOK_S = 0.05


def megahertz() -> float | None:
    """The clock now, averaged over the CPUs; None where the kernel tells none, as in most virtual machines."""
    with contextlib.suppress(OSError, RuntimeError):  # psutil's words for that differ by kernel
        clock = psutil.cpu_freq()
        return clock.current or None if clock is not None else None
    return None


def lock_file() -> Path:
    """Where the lock is: one for each user of this machine."""
    named = os.environ.get(VARIABLE)
    if named:
        return Path(named)
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    folder = Path(runtime) / "farm" if runtime else Path(tempfile.gettempdir()) / f"farm-{os.getuid()}"
    return folder / "host-cpu.lock"


@contextlib.contextmanager
def held(wait: Callable[[], None], path: Path | None = None) -> Iterator[float]:
    """Hold the CPU; yields the seconds that were waited for it. `wait` is called about twenty times a second until then, and
    what it raises ends the waiting.

    Raises:
        StorageError: the lock file cannot be made.
    """
    descriptor = _open(path or lock_file())
    began = time.monotonic()
    try:
        while not _taken(descriptor):
            wait()
            time.sleep(LOOK_S)
        yield time.monotonic() - began
    finally:
        os.close(descriptor)  # which releases it


def _open(path: Path) -> int:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        descriptor = os.open(path, flags, 0o600)
    except OSError as e:
        raise _unusable(path, e.strerror or str(e)) from e
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode) or found.st_uid != os.getuid():  # a folder in /tmp that somebody else made
        os.close(descriptor)
        raise _unusable(path, "it belongs to somebody else")
    return descriptor


def _taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _unusable(path: Path, why: str) -> StorageError:
    return StorageError(
        f"the lock of this computer's CPU cannot be used: {why}",
        where=str(path),
        remedy=f"remove the file, or name another in ${VARIABLE}",
    )
