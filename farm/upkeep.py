"""What the daemon does for its data folder: strays removed at start, retention now and then, room asked for before work."""

from __future__ import annotations

import contextlib
import logging
import shutil
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from farm.errors import StorageError
from farm.loop import Loop
from farm.store.integrity import temporaries
from farm.store.inventory import items, references
from farm.store.retention import Limits, choose

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from farm.settings import Settings
    from farm.store.artifacts import ArtifactStore
    from farm.store.state import State

log = logging.getLogger(__name__)
FIRST_S = 60.0
"""After the start: a command that is a daemon for a moment has other things to do."""
STILL_S = 600.0
"""A temporary file that nobody has written to for so long belongs to nobody."""
DAY_S, GB = 86400.0, 10**9


@dataclass(frozen=True)
class Collected:
    """What retention removed, or would: files and bytes by kind, and what is stored after it."""

    files: dict[str, int] = field(default_factory=dict)
    bytes: dict[str, int] = field(default_factory=dict)
    left_bytes: int = 0
    budget_bytes: int | None = None


class Upkeep:
    """`report_bug` gets what went wrong in the background."""

    def __init__(
        self,
        settings: Settings,
        state: State,
        artifacts: ArtifactStore,
        *,
        report_bug: Callable[[str, str], str],
    ) -> None:
        self._settings = settings
        self.state = state
        self._artifacts = artifacts
        self._lock = threading.Lock()
        pause_s = settings.retention.every_h * 3600.0
        self._loop = Loop("upkeep", self._step, pause_s, report_bug, first_s=FIRST_S)

    def start(self) -> None:
        """Begin to look after the folder."""
        self._loop.start()

    def stop(self, within_s: float) -> None:
        """End after the file at hand."""
        self._loop.stop(within_s)

    def check_room(self) -> None:
        """Refuse more work on a full disk.

        Raises:
            StorageError: less than `api.disk_floor_mb` is free.
        """
        free, floor = shutil.disk_usage(self._settings.data).free >> 20, self._settings.api.disk_floor_mb
        if free < floor:
            raise StorageError(
                f"{free} MiB are free, and {floor} must be",
                where=str(self._settings.data),
                remedy="run `farm gc`, lower retention.disk_gb, free some space, or lower api.disk_floor_mb",
            )

    def collect(self, *, dry_run: bool = False) -> Collected:
        """Remove what retention says, or only say what that would be."""
        with self._lock:
            return self._collect(dry_run=dry_run)

    def _collect(self, *, dry_run: bool) -> Collected:
        with self.state.reading() as db:
            db.execute("BEGIN")
            known = references(db)
            db.execute("COMMIT")
        there = list(items(self._artifacts, known))
        limits = limits_of(self._settings, known.running_since)
        files, sizes = Counter[str](), Counter[str]()
        for item in choose(there, limits, time.time()):
            if self._loop.stopping:
                break
            if dry_run or self._artifacts.remove(item.sha256, unused_since=item.used):
                files[item.kind] += 1
                sizes[item.kind] += item.bytes
        if files["tensors"] and not dry_run:
            self._forget_references()
        left = sum(item.bytes for item in there) - sum(sizes.values())
        return Collected(dict(files), dict(sizes), left, limits.budget_bytes)

    def _forget_references(self) -> None:
        """A cache entry without its recording is only a name."""
        from farm.reference.cache import recording_of

        for file in (self._settings.data / "references").glob("*.json"):
            sha256 = recording_of(file)
            if sha256 is not None and not self._artifacts.has(sha256):
                file.unlink(missing_ok=True)

    def _step(self) -> None:
        done = self.collect()
        if done.files:
            log.info(words(done))


def limits_of(settings: Settings, running_since: float | None) -> Limits:
    """[retention] as the decision takes it; 0 is no limit."""
    kept = settings.retention
    days = {
        "capture": kept.capture_days, "tensors": kept.tensor_days, "evidence": kept.evidence_days,
        "input": kept.model_days,
    }  # fmt: skip
    return Limits(
        budget_bytes=int(kept.disk_gb * GB) or None,
        ages_s={kind: count * DAY_S for kind, count in days.items() if count},  # type: ignore[misc]
        running_since=running_since,
    )


def words(done: Collected, *, dry_run: bool = False) -> str:
    """What was removed, in one line."""
    parts = [f"{done.files[kind]} {kind} ({done.bytes[kind] / GB:.3f} GB)" for kind in done.files]
    verb = "would remove" if dry_run else "removed"
    return (
        f"{verb} {', '.join(parts) or 'nothing'}; {done.left_bytes / GB:.3f} GB {'would be' if dry_run else 'are'} left"
    )


def sweep(data: Path, *, still_s: float = STILL_S, now: float | None = None) -> list[Path]:
    """Remove what dead processes left half-written; what was removed. Only while the folder is held: see advert.held."""
    at = time.time() if now is None else now
    removed = []
    for path in temporaries(data):
        with contextlib.suppress(OSError):
            if path.is_dir():  # of passes; no run is under way before the daemon is
                shutil.rmtree(path)
                removed.append(path)
            elif path.stat().st_mtime < at - still_s:
                path.unlink()
                removed.append(path)
    return removed
