"""What this process takes of the computer's memory."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from io import FileIO

PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096


class Memory:
    """The kernel's file is held open: to find it by its name takes longer than to read it."""

    def __init__(self) -> None:
        self._file: FileIO | None = None
        with contextlib.suppress(OSError):
            self._file = open("/proc/self/statm", "rb", buffering=0)  # noqa: PTH123, SIM115  # closed by `close`

    def resident(self) -> int:
        """Bytes; 0 where they are not told, or after `close`."""
        if self._file is None:
            return 0
        with contextlib.suppress(OSError, ValueError):
            return int(os.pread(self._file.fileno(), 64, 0).split()[1]) * PAGE
        return 0

    def close(self) -> None:
        """Give the file back."""
        if self._file is not None:
            self._file.close()
