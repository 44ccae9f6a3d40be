"""A device's monotonic clock against this computer's: each question gives bounds, the shortest round trip the best ones."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from farm.errors import AdbError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from farm.fleet.adb import AdbDevice

ASKS = 8
DEADLINE_S = 10.0


@dataclass(frozen=True)
class Offset:
    """Device time = this computer's monotonic time + `ns`, give or take `error_ns`."""

    ns: int
    error_ns: int

    def to_device(self, here_ns: int) -> int:
        """A moment of time.monotonic_ns() on the device's clock."""
        return here_ns + self.ns


def estimate(trips: Iterable[tuple[int, int, int]]) -> Offset | None:
    """From (sent here, read there, answered here), all in ns of their own clocks; None without any.

    The device read its clock between the two moments here, so each trip bounds the offset, and all trips together do so
    better than any of them. Where they contradict each other (a clock was set), the shortest trip stands alone.
    """
    sound = [trip for trip in trips if trip[2] >= trip[0]]
    if not sound:
        return None
    low = max(there - answered for _, there, answered in sound)
    high = min(there - sent for sent, there, _ in sound)
    if low > high:
        sent, there, answered = min(sound, key=lambda trip: trip[2] - trip[0])
        low, high = there - answered, there - sent
    return Offset((low + high) // 2, (high - low + 1) // 2)


def ask(device: AdbDevice, agent: str) -> Offset:
    """Ask the agent on the device for its clock, a few times.

    Raises:
        AdbError: it told none. Also DeadlineError, DeviceGoneError.
    """
    trips = []
    for _ in range(ASKS):
        sent = time.monotonic_ns()
        said = device.shell([agent, "clock"], DEADLINE_S).text
        answered = time.monotonic_ns()
        if said.isascii() and said.isdigit() and len(said) < 20:
            trips.append((sent, int(said), answered))
    found = estimate(trips)
    if found is None:
        raise AdbError("its agent tells no time", where=device.serial, remedy="see `farm devices`")
    return found
