"""A thread that takes a step again and again."""

from __future__ import annotations

import threading
import traceback
from typing import TYPE_CHECKING

from farm.errors import FarmError

if TYPE_CHECKING:
    from collections.abc import Callable


class Loop:
    """Takes `step` once every `pause_s` seconds, first after `first_s`, until it is stopped.

    What a step raises goes to `report_bug`, and the next one is taken all the same: loops live as long as their daemon.
    """

    def __init__(
        self,
        name: str,
        step: Callable[[], object],
        pause_s: float,
        report_bug: Callable[[str, str], object],
        *,
        first_s: float = 0.0,
    ) -> None:
        self._name = name
        self._step = step
        self._pause_s = pause_s
        self._first_s = first_s
        self._report_bug = report_bug
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    @property
    def stopping(self) -> bool:
        """Whether a long step should end."""
        return self._stopping.is_set()

    @property
    def started(self) -> bool:
        """Whether `start` was called."""
        return self._thread.ident is not None

    def start(self) -> None:
        """Begin; twice is once."""
        if not self.started:
            self._thread.start()

    def wake(self) -> None:
        """Take the next step now."""
        self._wake.set()

    def stop(self, within_s: float) -> None:
        """End after the step at hand, and wait so long for it."""
        self._stopping.set()
        self._wake.set()
        if self.started:
            self._thread.join(within_s)

    def _run(self) -> None:
        self._wake.wait(self._first_s)
        while True:
            self._wake.clear()  # before the look at `stopping`: `stop` sets them the other way round
            if self.stopping:
                return
            try:
                self._step()
            except FarmError as e:
                self._report_bug(self._name, f"{e}\n{e.remedy}")
            except Exception:
                self._report_bug(self._name, traceback.format_exc())
            self._wake.wait(self._pause_s)
