"""Power out of a trace: rails and battery counters, on the agent's clock.

Only these packets are read; scheduling and frequencies are for who opens the trace. Field numbers: protos/perfetto/trace in
Perfetto's sources.
"""

from __future__ import annotations

import bisect
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from farm.run.samplers.figure import Figure
from farm.run.trace.wire import fields, signed

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKET, TIMESTAMP, SEQUENCE, CLOCK = 1, 8, 10, 58
CLOCKS, BATTERY, RAILS = 6, 38, 40
MONOTONIC, BOOTTIME = 3, 6
MS = 1_000_000
_COUNTERS = {
    1: ("charge_uah", "other", "uAh", 1.0),
    3: ("current_ua", "current", "A", 1e-6),
    4: ("current_avg_ua", "other", "uA", 1.0),
    7: ("voltage_uv", "voltage", "V", 1e-6),
}


@dataclass
class Power:
    """What a trace tells of power. Times are nanoseconds of CLOCK_BOOTTIME."""

    rails: list[tuple[str, int, int]] = field(default_factory=list)
    """Name, time, microwatt-seconds since boot."""
    battery: list[tuple[int, int, int]] = field(default_factory=list)
    """Field of BatteryCounters, time, value."""
    snapshots: list[tuple[int, int]] = field(default_factory=list)
    """CLOCK_BOOTTIME and CLOCK_MONOTONIC of the same moment, in time."""
    packets: int = 0
    cut_off: bool = False

    def monotonic(self, boot_ns: int) -> int | None:
        """A moment on the agent's clock; None where the trace does not tell both clocks.

        The clocks part while the phone is suspended, so the last snapshot before the moment counts.
        """
        if not self.snapshots:
            return None
        at = max(0, bisect.bisect_right(self.snapshots, (boot_ns, 1 << 63)) - 1)
        boot, monotonic = self.snapshots[at]
        return boot_ns - boot + monotonic

    def figures(self, during: str) -> list[Figure]:
        """Rails as energy since boot, which `farm.run.samplers.power` makes watts of; battery counters beside them."""
        found = []
        for name, at, energy in self.rails:
            found += self._figure(during, at, f"rail/{name}/energy_uws", "energy", "J", energy * 1e-6, energy)
        for number, at, value in self.battery:
            name, quantity, unit, scale = _COUNTERS[number]
            found += self._figure(during, at, f"perfetto/{name}", quantity, unit, value * scale, value)
        return found

    def _figure(
        self, during: str, at: int, source: str, quantity: str, unit: str, value: float, raw: int
    ) -> list[Figure]:
        time_ns = self.monotonic(at)
        if time_ns is None or time_ns < 0:
            return []
        return [
            Figure(
                during=during, time_ns=time_ns, error_ns=0, by="perfetto", source=source, quantity=quantity, unit=unit,
                value=value, raw=raw, phase="",
            )
        ]  # fmt: skip


def read(data: bytes | memoryview) -> Power:
    """What a trace tells of power; what stands before the place where it is cut off."""
    found = Power()
    names: dict[tuple[int, int, int], str] = {}
    late: list[tuple[tuple[int, int, int], int, int]] = []
    try:
        for number, packet in fields(data):
            if number == PACKET and isinstance(packet, memoryview):
                found.packets += 1
                _packet(packet, found, names, late)
    except ValueError:
        found.cut_off = True
    found.rails = [(names[key], at, energy) for key, at, energy in late if key in names]
    found.rails.sort(key=lambda row: row[1])
    found.snapshots.sort()
    return found


def _packet(
    packet: memoryview,
    found: Power,
    names: dict[tuple[int, int, int], str],
    late: list[tuple[tuple[int, int, int], int, int]],
) -> None:
    parts = {number: value for number, value in fields(packet) if number in _WANTED}
    stamp = _number(parts.get(TIMESTAMP)) if parts.get(CLOCK, BOOTTIME) == BOOTTIME else 0
    snapshot, battery, rails = (parts.get(number) for number in (CLOCKS, BATTERY, RAILS))
    if isinstance(snapshot, memoryview):
        clocks = dict(_clocks(snapshot))
        if BOOTTIME in clocks and MONOTONIC in clocks:
            found.snapshots.append((clocks[BOOTTIME], clocks[MONOTONIC]))
    if isinstance(battery, memoryview) and stamp:
        found.battery += [(n, stamp, signed(v)) for n, v in fields(battery) if n in _COUNTERS and isinstance(v, int)]
    if isinstance(rails, memoryview):
        _rails(rails, stamp, _number(parts.get(SEQUENCE)), names, late)


def _rails(
    rails: memoryview,
    stamp: int,
    sequence: int,
    names: dict[tuple[int, int, int], str],
    late: list[tuple[tuple[int, int, int], int, int]],
) -> None:
    """Names come once, in a packet of their own or with the first energies; a rail is its number in its session."""
    content = list(fields(rails))
    session = next((_number(value) for number, value in content if number == 3), 0)
    for number, part in content:
        if not isinstance(part, memoryview):
            continue
        values = dict(fields(part))
        key = sequence, session, _number(values.get(1))
        name = values.get(2)
        if number == 1 and isinstance(name, memoryview):
            names[key] = "".join(
                c if c.isalnum() or c in "._-" else "_" for c in bytes(name).decode("utf-8", "replace")
            )
        elif number == 2:
            at = _number(name) * MS or stamp  # the meter's own time, where it tells one
            if at:
                late.append((key, at, _number(values.get(3))))


def _clocks(snapshot: memoryview) -> Iterator[tuple[int, int]]:
    for number, part in fields(snapshot):
        if number == 1 and isinstance(part, memoryview):
            values = dict(fields(part))
            yield _number(values.get(1)), _number(values.get(2))


def _number(value: int | memoryview | None) -> int:
    return value if isinstance(value, int) else 0


_WANTED = {TIMESTAMP, SEQUENCE, CLOCK, CLOCKS, BATTERY, RAILS}
