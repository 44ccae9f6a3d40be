"""A thread on this computer that reads figures beside a pass, at a low rate. It may fail; the run goes on without it."""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, NamedTuple

from farm.errors import FarmError
from farm.run.samplers.figure import Figure

if TYPE_CHECKING:
    from farm.report.measures import Quantity
    from farm.run.samplers.clock import Offset

STOP_S = 3.0
FAILURES = 3
"""In a row, after which it is left at that."""


class Told(NamedTuple):
    """A figure, read between two moments of time.monotonic_ns() here."""

    began_ns: int
    ended_ns: int
    source: str
    quantity: Quantity
    unit: str
    value: float
    raw: int = 0


class Watcher(ABC):
    """`by` goes into the samples. `problem` says what went wrong; empty when nothing did."""

    by = ""

    def __init__(self, period_s: float) -> None:
        self._period_s = period_s
        self._told: list[Told] = []
        self.problem = ""
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._loop, name=f"watch-{self.by}", daemon=True)

    @abstractmethod
    def read(self) -> list[Told]:
        """Read once.

        Raises:
            FarmError: it could not.
        """

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def stop(self) -> None:
        """End; one that hangs in a read is left behind."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join(STOP_S)
        if not self._told and not self.problem:
            self.problem = "read nothing"

    def figures(self, during: str, offset: Offset) -> list[Figure]:
        """What was read, on the agent's clock."""
        return [
            Figure(
                during=during,
                time_ns=max(0, offset.to_device((t.began_ns + t.ended_ns) // 2)),
                error_ns=(t.ended_ns - t.began_ns) // 2 + offset.error_ns,
                by=self.by,
                source=t.source,
                quantity=t.quantity,
                unit=t.unit,
                value=t.value,
                raw=t.raw,
                phase="",
            )
            for t in list(self._told)
        ]

    def _loop(self) -> None:
        failed = 0
        while not self._stopping.is_set() and failed < FAILURES:
            began = time.monotonic()
            try:
                found = self.read()
            except FarmError as e:
                if self._stopping.is_set():  # the device goes as the run ends
                    return
                failed, self.problem = failed + 1, str(e)
                found = []
            else:
                failed = failed if found else failed + 1
                if not found:
                    self.problem = "told nothing that can be read"
            self._told += found
            self._stopping.wait(max(0.0, self._period_s - (time.monotonic() - began)))
