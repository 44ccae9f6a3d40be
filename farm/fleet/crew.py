"""Threads for what takes time, one task a key: a frozen phone holds up its own thread and nobody else."""

from __future__ import annotations

import contextlib
import threading
import time
import traceback
from typing import TYPE_CHECKING

from farm.errors import FarmError

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable


class Crew:
    """At most `limit` tasks at once. An error of ours goes to `report_bug`; those of devices are the task's to handle."""

    def __init__(self, limit: int, report_bug: Callable[[str, str], object] | None = None) -> None:
        self._limit = limit
        self._report_bug = report_bug
        self._lock = threading.Lock()
        self._at_work: dict[Hashable, threading.Thread] = {}
        self._stopped = False

    def busy(self, key: Hashable) -> bool:
        """Whether a task of this key is under way."""
        with self._lock:
            return key in self._at_work

    def do(self, key: Hashable, task: Callable[[], object]) -> bool:
        """Begin a task, unless one of this key is under way, all hands are full, or the crew has stopped; whether it began."""
        with self._lock:
            if self._stopped or key in self._at_work or len(self._at_work) >= self._limit:
                return False
            thread = threading.Thread(target=self._run, args=(key, task), name=f"fleet {key}", daemon=True)
            self._at_work[key] = thread
        thread.start()
        return True

    def stop(self, within_s: float) -> None:
        """Take on nothing more, and wait a moment; what hangs ends at its own deadline."""
        with self._lock:
            self._stopped = True
            left = list(self._at_work.values())
        deadline = time.monotonic() + within_s
        for thread in left:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _run(self, key: Hashable, task: Callable[[], object]) -> None:
        try:
            with contextlib.suppress(FarmError):
                task()
        except Exception:
            if self._report_bug is not None:
                self._report_bug("fleet", f"{key}\n{traceback.format_exc()}")
        finally:
            with self._lock:
                self._at_work.pop(key, None)
