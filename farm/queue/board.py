"""What runs are doing right now, and who wants to hear of it. Kept in memory: a restart begins with an empty board."""

from __future__ import annotations

import contextlib
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@dataclass(frozen=True)
class Doing:
    """`done` of `of` units of `stage`; `of` is 0 where the amount is unknown."""

    stage: str = ""
    done: int = 0
    of: int = 0


class Board:
    """Latest progress by run, and listeners by job; those are only told to look, so a slow one costs nothing."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._doing: dict[int, Doing] = {}
        self._listeners: dict[int, list[Callable[[], None]]] = {}

    def doing(self, run: int) -> Doing:
        """What the run does now, or did last."""
        with self._lock:
            return self._doing.get(run, Doing())

    def post(self, job: int, run: int, doing: Doing) -> None:
        """The run does something else now."""
        with self._lock:
            if self._doing.get(run) == doing:
                return
            self._doing[run] = doing
        self.changed(job)

    def forget(self, run: int) -> None:
        """The run is over."""
        with self._lock:
            self._doing.pop(run, None)

    def changed(self, job: int) -> None:
        """Tell the job's listeners to look."""
        with self._lock:
            listeners = tuple(self._listeners.get(job, ()))
        for tell in listeners:
            tell()

    def changed_all(self) -> None:
        """Tell every listener to look."""
        for job in self.heard():
            self.changed(job)

    def heard(self) -> frozenset[int]:
        """The jobs somebody listens to."""
        with self._lock:
            return frozenset(self._listeners)

    @contextlib.contextmanager
    def listen(self, job: int, tell: Callable[[], None]) -> Iterator[None]:
        """Call `tell`, from any thread, at each change of the job."""
        with self._lock:
            self._listeners.setdefault(job, []).append(tell)
        try:
            yield
        finally:
            with self._lock:
                self._listeners[job].remove(tell)
                if not self._listeners[job]:
                    del self._listeners[job]
