"""Figures of the computer that the app runs on, by psutil."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SHORTEST_S = 0.01
WAIT_S = 2.0
"""For a look that is under way when the capture is closed."""


class System:
    """Looks every so many seconds, the first time after as many, until it is stopped.

    Raises:
        ModuleNotFoundError: psutil is not installed.
        ValueError: it is to look all the time.
    """

    def __init__(self, seconds: float) -> None:
        if not seconds >= SHORTEST_S:
            raise ValueError(f"system={seconds}: seconds between two looks are {SHORTEST_S} at least")
        try:
            import psutil
        except ModuleNotFoundError as e:
            raise ModuleNotFoundError(
                "exray.open(system=...) looks by psutil, which is not installed: pip install 'exray[system]'",
                name="psutil",
            ) from e
        self._psutil, self._seconds = psutil, seconds
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, log: Callable[..., None]) -> None:
        """`log` takes a name and a value, and does not raise."""
        with contextlib.suppress(Exception):
            self._psutil.cpu_percent()  # counts from its last call on
        self._thread = threading.Thread(target=self._look, args=(log,), name="exray-system", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Whatever a look that takes too long finds, comes too late and is left out."""
        self._over.set()
        if self._thread is not None:
            self._thread.join(WAIT_S)

    def _look(self, log: Callable[..., None]) -> None:
        while not self._over.wait(self._seconds):
            for name, value in figures(self._psutil):
                log(name, value)


def figures(psutil: Any) -> Iterator[tuple[str, float]]:
    """What there is of them: each is left out where the computer does not tell it."""
    for source in (_processor, _memory, _load, _battery, _heat):
        # psutil lets through whatever a driver's file gives: an errno, text where a number was, nothing.
        with contextlib.suppress(Exception):
            yield from source(psutil)


def _processor(psutil: Any) -> Iterator[tuple[str, float]]:
    yield "cpu/percent", psutil.cpu_percent()
    for number, clock in enumerate(psutil.cpu_freq(percpu=True)):
        yield f"cpu/{number}/mhz", clock.current


def _memory(psutil: Any) -> Iterator[tuple[str, float]]:
    yield "memory/available_bytes", psutil.virtual_memory().available


def _load(psutil: Any) -> Iterator[tuple[str, float]]:
    yield "load/1min", psutil.getloadavg()[0]


def _battery(psutil: Any) -> Iterator[tuple[str, float]]:
    battery = psutil.sensors_battery()
    if battery is not None:
        yield "battery/percent", battery.percent
        yield "battery/plugged", float(bool(battery.power_plugged))


def _heat(psutil: Any) -> Iterator[tuple[str, float]]:
    for chip, readings in psutil.sensors_temperatures().items():
        for number, reading in enumerate(readings):
            name = chip if len(readings) == 1 else f"{chip}-{reading.label or number}"
            yield f"thermal/{name}/celsius", reading.current
