"""The daemon's thread that writes the history, keeps the state file small, and lets go of what is too old.

All of it is done in steps of some seconds, by the thread or for whoever asks: each leaves things whole, and the next one goes on
there, also after a death.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING

from farm.history import files, write
from farm.history.answer import Size, Status, Step
from farm.loop import Loop
from farm.store import archive, eventlog, finished, space
from farm.store.archive import DAY_S

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from farm.sections.history import History
    from farm.store.artifacts import ArtifactStore
    from farm.store.state import State

log = logging.getLogger(__name__)
FIRST_S = 30.0
"""After the start: a command that is a daemon for a moment has other things to do."""
STEP_S = 2.0
"""After which a step ends, with the day or the batch at hand."""


class Archiver:
    """`report_bug` gets what went wrong in the background."""

    def __init__(
        self,
        settings: History,
        data: Path,
        state: State,
        artifacts: ArtifactStore,
        *,
        report_bug: Callable[[str, str], str],
    ) -> None:
        self.settings = settings
        self.data = data
        self.folder = data / "history"
        self._state = state
        self._artifacts = artifacts
        self._lock = threading.Lock()
        self._loop = Loop("history", self.run, settings.every_min * 60.0, report_bug, first_s=FIRST_S)

    def start(self) -> None:
        """Begin."""
        self._loop.start()

    def stop(self, within_s: float) -> None:
        """End after the day or the batch at hand; the next daemon goes on there."""
        self._loop.stop(within_s)

    def run(self, now: float | None = None) -> list[str]:
        """All that is due at `now` (Unix seconds; None: the clock's); the days that were written. Twice is once.

        Raises:
            StorageError: no room.
        """
        days: list[str] = []
        over = False
        while not over and not self._loop.stopping:
            step = self.step(now)
            days += step.days
            over = step.over
        return days

    def step(self, now: float | None = None) -> Step:
        """As much of it as `STEP_S` has room for, of each kind a day or a batch at least. Raises as `run` does."""
        at = time.time() if now is None else now
        old = at - self.settings.document_days * DAY_S if self.settings.document_days else 0.0
        until = time.monotonic() + STEP_S

        def late() -> bool:
            return self._loop.stopping or time.monotonic() > until

        days: list[str] = []
        with self._lock:
            self._sweep()
            for day in write.write(self._state, self._artifacts, self.folder, at, stopping=lambda: self._loop.stopping):
                log.info("history: %s is written", day)
                days.append(day)
                if late():
                    break
            documents, moved = _all(lambda: archive.move(self._state, self._artifacts, old), late)
            if documents:
                log.info("history: documents of %d runs left the state file", documents)
            events, forgotten = _all(lambda: eventlog.forget(self._state, old), late)
            if self.settings.keep_days:
                self._forget(at - self.settings.keep_days * DAY_S)
            given, small = _all(lambda: space.give_back(self._state), late)
            days_left = len(write.due(self._state, self.folder, at))
            # A day to which runs are added as fast as it is written waits for the next look.
            written = not days_left or not days
            return Step(
                days=tuple(days), documents=documents, events=events, bytes=given, days_left=days_left,
                documents_left=archive.left(self._state, old), over=written and moved and forgotten and small,
            )  # fmt: skip

    def compact(self) -> Size:
        """Write the state file anew, without what is free in it.

        Raises:
            StorageError: runs are under way, or no room.
        """
        with self._lock:
            before, after = space.rewrite(self._state)
        return Size(before=before.bytes, after=after.bytes)

    def status(self, now: float | None = None) -> Status:
        """How far it is."""
        due = write.due(self._state, self.folder, time.time() if now is None else now)
        size = space.space(self._state)
        with self._state.reading() as db:
            days = finished.days(db)
            kept = [day for day in days if day.removed is None]
            total = db.execute("SELECT count(*) FROM runs WHERE over_at IS NOT NULL").fetchone()[0]
            archives = db.execute("SELECT sha256, runs FROM archives WHERE removed IS NULL").fetchall()
        there = [file for row in archives if (file := self._artifacts.path(row["sha256"])).is_file()]
        return Status(
            days=len(kept),
            first=kept[0].day if kept else "",
            last=kept[-1].day if kept else "",
            runs=sum(day.runs for day in kept),
            bytes=files.size(self.folder),
            removed=len(days) - len(kept),
            due=tuple(due),
            live=total - sum(day.runs for day in days if day.day not in due),
            archived=sum(row["runs"] for row in archives),
            archive_bytes=sum(file.stat().st_size for file in there),
            state_bytes=size.bytes,
            free_bytes=size.free,
            written=max((day.written for day in kept), default=None),
        )

    def _sweep(self) -> None:
        """What a daemon that died was writing."""
        for file in self.folder.glob(f"{files.NEW}*"):
            file.unlink(missing_ok=True)

    def _forget(self, before: float) -> None:
        with self._state.reading() as db:
            days = [day.day for day in finished.days(db) if day.removed is None]
        for day in days:
            if finished.start_of(day) + DAY_S <= before:
                finished.remove(self._state, day)  # first: a day said to be there and gone would be written again
                files.remove(self.folder, day)
        archive.drop(self._state, before)


def _all(batch: Callable[[], int], late: Callable[[], bool]) -> tuple[int, bool]:
    """What batches of something come to, until it is late, one at least; and whether the last had nothing in it any more."""
    total = 0
    while count := batch():
        total += count
        if late():
            return total, False
    return total, True
