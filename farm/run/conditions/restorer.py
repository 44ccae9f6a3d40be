"""Puts devices right that a run left changed: at the daemon's start, and when a device is back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from farm.errors import FarmError
from farm.loop import Loop
from farm.run.conditions import journal, tuning

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from farm.fleet.adb import AdbDevice
    from farm.fleet.device import Device

LOOK_S = 3.0


class Restorer:
    """A thread that looks at the journals. `leased` are left alone: their own run undoes what is there."""

    def __init__(
        self,
        data: Path,
        *,
        devices: Callable[[], Sequence[Device]],
        leased: Callable[[], frozenset[str]],
        handle: Callable[[str], AdbDevice],
        report_bug: Callable[[str, str], object],
    ) -> None:
        self._data = data
        self._devices = devices
        self._leased = leased
        self._handle = handle
        self._loop = Loop("restorer", self.step, LOOK_S, report_bug)

    def start(self) -> None:
        """Begin to look."""
        self._loop.start()

    def stop(self, within_s: float) -> None:
        """End."""
        self._loop.stop(within_s)

    def step(self) -> None:
        """Undo what can be undone now."""
        left = journal.waiting(self._data)
        if not left:
            return
        there = {d.serial for d in self._devices() if d.state == "device"} - self._leased()
        for serial in left:
            if serial in there and not self._loop.stopping:
                try:
                    tuning.restore(self._handle(serial), serial, self._data)
                except (FarmError, OSError):
                    continue  # it stays noted, and is tried again
