"""A bounded queue of records between any threads and the one that writes them. Nothing waits for room in it."""

from __future__ import annotations

import collections
import threading
from typing import NamedTuple

AROUND = 128
"""Bytes of memory that a record takes beside its message, about."""


class Record(NamedTuple):
    """A message on its way to the file."""

    channel: str
    time: int
    message: bytes


class Ring:
    """Of a size in bytes."""

    def __init__(self, size: int) -> None:
        self.largest = size // 2
        self.dropped = self.dropped_bytes = 0
        self._size, self._held, self._closed = size, 0, False
        self._records: collections.deque[Record] = collections.deque()
        # A thread that is interrupted by a signal whose handler logs, too, meets its own lock.
        self._lock = threading.RLock()
        self._filling = threading.Lock()
        self._filling.acquire()

    def put(self, record: Record) -> bool:
        """Whether it found room; counts those that did not."""
        size = AROUND + len(record.message)
        with self._lock:
            if self._closed:
                return False
            if size > self.largest or self._held + size > self._size:
                self.drop(len(record.message))
                return False
            self._records.append(record)
            self._held += size
            if self._held > self.largest:
                self.wake()
        return True

    def drop(self, size: int) -> None:
        """Count a record that is not to be written."""
        with self._lock:
            self.dropped += 1
            self.dropped_bytes += size

    def take(self) -> Record | None:
        """The oldest one, which keeps its room until `release`; None where there is none."""
        return self._records.popleft() if self._records else None

    def release(self, record: Record) -> None:
        """Give its room back."""
        with self._lock:
            self._held -= AROUND + len(record.message)

    def wait(self, seconds: float) -> None:
        """Until it is half full, woken, or as long."""
        self._filling.acquire(timeout=seconds)

    def wake(self) -> None:
        """Whoever waits."""
        with self._lock:
            if self._filling.locked():
                self._filling.release()

    def close(self) -> None:
        """What comes now is nobody's."""
        with self._lock:
            self._closed = True
