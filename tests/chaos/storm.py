"""Faults at random: which phone, which fault, how long, from one seed."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING

from farm import virtual
from farm.errors import FarmError
from farm.virtual.faults import KINDS

if TYPE_CHECKING:
    from tests.chaos.lab import Lab

LONGEST_S = 8.0
LASTING = [name for name, kind in KINDS.items() if kind.lasting]
PASSING = [name for name, kind in KINDS.items() if not kind.lasting and name != "kill"]


class Storm:
    """A thread that breaks the lab until it is told to stop. `pause_s`: on average, between two faults of one phone.

    Daemon and adb server are killed with -9, `kills` times each, spread evenly over `length_s`; `gone` phones are killed
    for good.
    """

    def __init__(self, lab: Lab, *, seed: int, pause_s: float, kills: int, length_s: float, gone: int) -> None:
        self._lab = lab
        self._random = random.Random(seed)  # noqa: S311  # no secret: the same storm again
        self._pause_s = pause_s
        self._kills = sorted(
            (self._random.uniform(0.05, 1.0) * length_s, what) for what in ("daemon", "adb") for _ in range(kills)
        )
        self._gone = self._random.sample(range(len(lab.phones)), gone)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="storm", daemon=True)
        self.given: Counter[str] = Counter()

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End after the kills that are left, and clear every fault."""
        self._stop.set()
        self._thread.join()
        for _, what in self._kills:
            self._kill(what)
            time.sleep(1.0)
        for phone in self._lab.phones:
            self._fault(phone, "clear")

    def _run(self) -> None:
        began = time.monotonic()
        phones = len(self._lab.phones)
        while not self._stop.wait(self._random.expovariate(phones / self._pause_s)):
            if self._kills and time.monotonic() - began > self._kills[0][0]:
                self._kill(self._kills.pop(0)[1])
            index = self._random.randrange(phones)
            phone = self._lab.phones[index]
            if index in self._gone:
                self._gone.remove(index)
                self._fault(phone, "kill")
                continue
            name = self._random.choice([*LASTING, *PASSING])
            length = self._random.uniform(0.2, LONGEST_S)
            if name in LASTING:
                self._fault(phone, name, for_s=length)
            elif name == "reboot":
                self._fault(phone, name, down_s=length)
            else:
                self._fault(phone, name)

    def _kill(self, what: str) -> None:
        if what == "daemon":
            self._lab.kill_daemon()
        else:
            self._lab.kill_adb()

    def _fault(self, phone: virtual.VirtualPhone, name: str, for_s: float | None = None, **options: float) -> None:
        try:
            virtual.fault(phone, name, for_s=for_s, **options)
        except FarmError:
            return  # a phone that is away takes none
        self.given[name] += 1
