"""Processes that lead a group of their own: whatever they started ends with them."""

from __future__ import annotations

import contextlib
import os
import signal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import subprocess


def end(process: subprocess.Popen[Any]) -> None:
    """End a process of ours and its group, and close our ends of its pipes."""
    if process.returncode is None:  # not reaped yet, so the group is still ours
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with contextlib.suppress(BrokenPipeError):
                pipe.close()
