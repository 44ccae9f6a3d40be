"""Hotplug: adb's track-devices, followed for each server for as long as the fleet lives."""

from __future__ import annotations

import contextlib
import socket
import threading
from subprocess import SubprocessError
from typing import TYPE_CHECKING

from farm.errors import DeadlineError, FarmError

if TYPE_CHECKING:
    from collections.abc import Callable

    from adbutils import AdbConnection

    from farm.fleet.adb import AdbServer

FOLLOW_S = 3600.0
"""A connection is renewed that often; adb sends everything again."""
BACK_OFF_S = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0)


def parse(text: str) -> dict[str, str]:
    """adb's word for each serial; lines that are not understood are left out, never an error."""
    found = {}
    for line in text.splitlines():
        serial, mark, state = line.partition("\t")
        if mark and serial and state.strip():
            found[serial] = state.strip()
    return found


class Tracker:
    """Tells `heard` every change of a server's list, and None when the server is lost; it is started again, never killed."""

    def __init__(self, server: AdbServer, name: str, heard: Callable[[dict[str, str] | None], None]) -> None:
        self._server = server
        self._heard = heard
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._connection: AdbConnection | None = None
        self._told = False
        self._thread = threading.Thread(target=self._loop, name=f"track-{name or 'adb'}", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End; does not wait."""
        self._stop.set()
        with self._lock, contextlib.suppress(OSError):
            if self._connection is not None:
                self._connection.conn.shutdown(socket.SHUT_RDWR)

    def join(self, within_s: float) -> None:
        """Wait for the end, after `stop`."""
        self._thread.join(within_s)

    def _loop(self) -> None:
        failed = 0
        while not self._stop.is_set():
            self._told = False
            try:
                self._server.ensure()
                self._follow()
            except DeadlineError:
                failed = 0
            except (FarmError, OSError, ValueError, SubprocessError):  # ValueError: a length that is no number
                failed = 1 if self._told else failed + 1
            if failed and not self._stop.is_set():
                self._heard(None)
                self._stop.wait(BACK_OFF_S[min(failed, len(BACK_OFF_S)) - 1])

    def _follow(self) -> None:
        """Listen until the connection ends, one way or the other."""
        with self._server.open(["host:track-devices"], FOLLOW_S, self._server.where) as connection:
            with self._lock:
                self._connection = connection
            try:
                while not self._stop.is_set():
                    self._heard(parse(connection.read_string_block()))
                    self._told = True
            finally:
                with self._lock:
                    self._connection = None
