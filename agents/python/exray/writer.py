"""The thread that takes records out of the ring and into the file."""

from __future__ import annotations

import collections
import errno
import threading
import time
from typing import TYPE_CHECKING

from exray.messages import encode
from exray.ring import Record

if TYPE_CHECKING:
    from exray.container import Container
    from exray.ring import Ring

FLUSH_AFTER_S = 2.0
LOOK_EVERY_S = 0.1
TURN = 32
"""Records after which the app's threads have a turn at the interpreter."""


class Writer:
    """Runs from its making to `stop`. `error` is the errno at which writing stopped, 0 where it did not."""

    def __init__(self, ring: Ring, container: Container) -> None:
        self.error = 0
        self._ring, self._container, self._over, self._told = ring, container, False, 0
        self._asked: collections.deque[threading.Event] = collections.deque()
        self._thread = threading.Thread(target=self._run, name="exray-writer", daemon=True)
        self._thread.start()

    def flush(self) -> None:
        """Wait until all that is in the ring is in the file, or writing stopped. Not after `stop`."""
        done = threading.Event()
        self._asked.append(done)
        self._ring.wake()
        done.wait()

    def stop(self) -> None:
        """When all that is in the ring is in the file."""
        self._over = True
        self._ring.wake()
        self._thread.join()

    def _run(self) -> None:
        flushed = time.monotonic()
        while not self._over:
            self._ring.wait(LOOK_EVERY_S)
            asked = [self._asked.popleft() for _ in range(len(self._asked))]  # before looking at what there is
            self._drain()
            if asked or time.monotonic() - flushed > FLUSH_AFTER_S:
                self._flush()
                flushed = time.monotonic()
            for done in asked:
                done.set()
        self._drain()
        self._flush()

    def _drain(self) -> None:
        taken = 0
        while (record := self._ring.take()) is not None:
            if self.error:
                self._ring.drop(len(record.message))
            else:
                self._write(record)
            self._ring.release(record)
            taken += 1
            if taken % TURN == 0:
                time.sleep(0)

    def _write(self, record: Record) -> None:
        try:
            self._container.write(record)
        except OSError as e:
            self.error = e.errno or errno.EIO
        except MemoryError:
            self.error = errno.ENOMEM

    def _flush(self) -> None:
        dropped = self._ring.dropped
        if dropped != self._told and not self.error:
            self._told, now = dropped, time.monotonic_ns()
            told = encode("Dropped", time_ns=now, records=dropped, bytes=self._ring.dropped_bytes)
            self._write(Record("Dropped", now, told))
        if not self.error:
            try:
                self._container.flush()
            except OSError as e:
                self.error = e.errno or errno.EIO
