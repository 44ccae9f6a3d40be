"""What a capture's file may come to."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from exray.container import MESSAGE

if TYPE_CHECKING:
    from exray.container import Container

INDEXED = 16
"""Bytes of a message's entry in its chunk's index."""
AROUND_CHUNK = 352
"""Bytes of a chunk's head, indexes and entry in the file's, at most."""
TAIL = 4096
"""Bytes of the file's end, schemas and chunks' entries apart."""


class Budget:
    """Bytes of the file; 0: none. Nearing it, elements and tensors are left out first, then frames.

    Raises:
        OSError: it holds no frame.
    """

    def __init__(self, limit: int, container: Container) -> None:
        self.left_out = 0
        self._limit, self._container = limit, container
        self._start = self._logged = container.size  # schemas and channels stand in the file twice
        self._lock = threading.RLock()
        least = 2 * (self._start + TAIL)
        if limit and limit < least:
            raise OSError(f"a byte budget of {limit} holds no frame: give {least} at least")

    def affords(self, size: int, *, spare: bool) -> bool:
        """Whether there is room for a message of elements (`spare`) or of frames; counts what there is no room for."""
        if not self._limit:
            return True
        # The last part is for frames' times, and of that some for the end.
        kept = self._start + TAIL + self._limit // (8 if spare else 64)
        chunks = (self._container.chunks + 2) * AROUND_CHUNK
        with self._lock:
            if self._logged + MESSAGE + INDEXED + size + chunks + kept <= self._limit:
                return True
            self.left_out += 1
        return False

    def spend(self, size: int) -> None:
        """A message is on its way."""
        with self._lock:
            self._logged += MESSAGE + INDEXED + size
