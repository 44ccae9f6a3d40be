"""The devices there are, looked at again and again."""

from __future__ import annotations

import contextlib
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from farm import virtual
from farm.errors import FarmError
from farm.fleet.adb import AdbServer
from farm.fleet.device import Device

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from farm.settings import Settings

STOP_S = 1.0
STATES = frozenset({"device", "offline", "unauthorized", "authorizing"})


class Fleet:
    """A snapshot of the devices, kept fresh by a thread between `start` and `stop`.

    `leased` names the serials in use: those are not asked anything, since a question costs the run its quiet.
    """

    def __init__(self, settings: Settings, leased: Callable[[], Collection[str]] = frozenset) -> None:
        self._leased = leased
        self.server = AdbServer(settings.adb.host, settings.adb.port)
        self._virtual_folder = settings.data / "virtual"
        self._deadline_s = settings.adb.deadline_s
        self._poll_s = settings.adb.poll_s
        self._snapshot: tuple[Device, ...] = ()
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def devices(self) -> list[Device]:
        """What the last look showed."""
        return list(self._snapshot)

    def start(self) -> None:
        """Look once, then keep looking."""
        self.refresh()
        self._thread = threading.Thread(target=self._watch, name="fleet", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop looking. A look at a frozen phone ends at its own deadline; nobody waits for that."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(STOP_S)

    def refresh(self) -> list[Device]:
        """Look now: who is attached, who answers. Virtual phones that are up are attached first.

        Raises:
            AdbError: the adb server cannot be reached or started.
        """
        with self._lock:
            self.server.ensure()
            states = self.server.states(self._deadline_s)
            for phone in virtual.listed(self._virtual_folder):
                if phone.serial not in states:
                    with contextlib.suppress(FarmError):
                        self.server.connect(phone.serial, self._deadline_s)
            states = self.server.states(self._deadline_s)
            known = {
                d.serial: d for d in self._snapshot if d.serial in self._leased() and states.get(d.serial) == d.state
            }
            with ThreadPoolExecutor(max_workers=16, thread_name_prefix="look") as pool:
                self._snapshot = tuple(
                    pool.map(lambda pair: known.get(pair[0]) or self._look(*pair), sorted(states.items()))
                )
            return list(self._snapshot)

    def _look(self, serial: str, state: str) -> Device:
        if state != "device":
            return Device(serial, state if state in STATES else "offline")  # type: ignore[arg-type]  # checked
        try:
            return Device(serial, "device", self.server.device(serial).properties(self._deadline_s))
        except FarmError:
            return Device(serial, "unresponsive")  # adb says `device` of a frozen phone for ever

    def _watch(self) -> None:
        while not self._stop.wait(self._poll_s):
            with contextlib.suppress(FarmError):  # the next look may find the server again
                self.refresh()
