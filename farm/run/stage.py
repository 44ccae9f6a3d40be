"""Files onto a device, each once: a cache of files named by their sha256, believed only after the device hashed them itself."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from farm.android.commands import files
from farm.errors import AdbError, InfrastructureError, StorageError
from farm.fleet.adb import AdbDevice, PushItem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from farm.android.command import Line

FOLDER = "/data/local/tmp/farm"
CACHE = f"{FOLDER}/cache"
RESERVE_BYTES = 16 << 20
"""Left free on the device: logs and other programs need some."""
HASHED_AT_ONCE = 200
DEADLINE_S = 30.0
SLOWEST_BYTES_S = 1 << 20
"""A push slower than this is taken for stuck."""


@dataclass(frozen=True)
class Blob:
    """A file to be on the device: its content, and whether it is a program."""

    sha256: str
    size: int
    parts: Callable[[], Iterable[bytes]]
    program: bool = False

    @property
    def remote(self) -> str:
        """Where it is once staged."""
        return f"{CACHE}/{self.sha256}"

    @classmethod
    def of_file(cls, path: Path, sha256: str, *, program: bool = False) -> Blob:
        """A file of this machine."""
        return cls(sha256, path.stat().st_size, lambda: _parts(path), program)


def stage(device: AdbDevice, blobs: Sequence[Blob], *, room: int, progress: Callable[[int, int], None]) -> int:
    """Have every blob on the device, verified there, and `room` bytes free besides; the bytes pushed.

    Raises:
        StorageError: it does not fit, even with an empty cache.
        AdbError: what arrived is not what was sent.
    """
    make_folder(device, CACHE)
    wanted = {blob.sha256: blob for blob in blobs}
    missing = [wanted[sha] for sha in wanted.keys() - _verified(device, list(wanted))]
    _make_room(device, sum(b.size for b in missing) + room, keep=wanted.keys())
    total = sum(b.size for b in missing)
    done = 0

    def count(sent: int) -> None:
        nonlocal done
        done += sent
        progress(done, total)

    progress(0, total)
    if not missing:
        return 0
    items = [PushItem(f"{b.remote}.part", b.parts, 0o755 if b.program else 0o644) for b in missing]
    try:
        device.push(items, DEADLINE_S + total / SLOWEST_BYTES_S, on_bytes=count)
        for group in _groups([b.sha256 for b in missing]):
            _must(device, files.rename(CACHE, [(f"{sha}.part", sha) for sha in group]))
        wrong = {b.sha256 for b in missing} - _verified(device, [b.sha256 for b in missing])
        if wrong:
            raise AdbError(
                f"{len(wrong)} of {len(missing)} files arrived with other bytes",
                where=f"{device.serial}: {CACHE}",
                remedy="check the cable; the files are pushed again on the next run",
            )
    finally:
        _sweep(device)
    return done


def free_bytes(device: AdbDevice) -> int:
    """Free bytes where the farm keeps its files.

    Raises:
        AdbError: df cannot be read.
    """
    told = device.send(files.free(files.FOLDER), DEADLINE_S).text
    free, _ = files.parse_df(told)
    if free is None:
        raise AdbError(f"df answered {told[:80]!r}", where=device.serial, remedy="is /data/local/tmp mounted?")
    return free


def make_folder(device: AdbDevice, folder: str) -> None:
    """Have a folder on the device."""
    device.ask(files.make_folder(folder), DEADLINE_S)


def remove_folder(device: AdbDevice, folder: str, deadline_s: float = DEADLINE_S) -> None:
    """Have none there, and nothing of what is in it."""
    device.ask(files.remove_tree(folder), deadline_s)


def _verified(device: AdbDevice, hashes: Sequence[str]) -> set[str]:
    """Those of `hashes` whose files are there and hash to their names; the others are removed."""
    good: set[str] = set()
    for group in _groups(hashes):
        listed = device.ask(files.hashes(CACHE, group), DEADLINE_S + len(group))
        good |= {digest for digest, name in listed if digest == name}
        bad = [name for digest, name in listed if digest != name]
        if bad:
            _must(device, files.remove(CACHE, bad))
    return good


def _make_room(device: AdbDevice, needed: int, keep: Iterable[str]) -> None:
    if free_bytes(device) >= needed + RESERVE_BYTES:
        return
    kept = set(keep)
    cached = device.ask(files.names(CACHE), DEADLINE_S)
    for group in _groups([name for name in cached if name not in kept]):
        _must(device, files.remove(CACHE, group))
    free = free_bytes(device)
    if free < needed + RESERVE_BYTES:
        raise StorageError(
            f"{needed >> 20} MiB are needed and {RESERVE_BYTES >> 20} MiB kept in reserve, but only {free >> 20} MiB are free",
            where=f"{device.serial}: /data/local/tmp",
            remedy="free some space on the device, or take fewer inputs or --layer-frames",
        )


def _sweep(device: AdbDevice) -> None:
    """Remove what a broken push left; a device that is gone by now is swept by the next run."""
    with contextlib.suppress(InfrastructureError):
        device.ask(files.sweep(CACHE, "*.part"), DEADLINE_S)


def _must(device: AdbDevice, line: Line[str]) -> None:
    refused = device.ask(line, DEADLINE_S)
    if refused:
        raise AdbError(refused, where=f"{device.serial}: {line.text[:60]}", remedy="")


def _groups(names: Sequence[str]) -> Iterator[Sequence[str]]:
    return (names[i : i + HASHED_AT_ONCE] for i in range(0, len(names), HASHED_AT_ONCE))


def _parts(path: Path) -> Iterator[bytes]:
    with path.open("rb") as f:
        while part := f.read(1 << 20):
            yield part
