"""Captures that are open: what becomes of them when the process forks or ends."""

from __future__ import annotations

import atexit
import contextlib
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from exray.capture import Capture

_open: set[Capture] = set()


def begin(capture: Capture) -> None:
    """It lives until it is closed, even if nobody holds it."""
    _open.add(capture)


def end(capture: Capture) -> None:
    """It is closed."""
    _open.discard(capture)


def _at_exit() -> None:
    for capture in tuple(_open):
        with contextlib.suppress(OSError):  # nobody is left to be told
            capture.close()


def _in_child() -> None:
    for capture in tuple(_open):
        capture.abandon()
    _open.clear()


atexit.register(_at_exit)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)
