"""Watts out of what was read: a battery's current times its voltage, a rail, a meter, or a virtual phone's model."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from farm.fleet.enrolment import PLAINLY_MICRO, UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Sequence

    from farm.fleet.enrolment import BatteryCurrent
    from farm.report.measures import Boundary
    from farm.run.samplers.figure import Figure

VIRTUAL = "power/virtual-model/power_now"
"""What the model behind a virtual phone draws."""
DISCHARGING = 3
"""BatteryManager.BATTERY_STATUS_DISCHARGING."""
_SUPPLY = re.compile(r"power/(?P<name>[^/]+)/(?P<field>\w+)")


@dataclass(frozen=True)
class Supply:
    """Power at one boundary: (ns on the agent's clock, watts drawn), in time. `problem`: why it supports no energy."""

    boundary: Boundary
    source: str
    points: tuple[tuple[int, float], ...]
    units: str = ""
    problem: str = ""
    charging: bool = False


def supplies(figures: Sequence[Figure], current: BatteryCurrent | None) -> list[Supply]:
    """Every boundary at which power was read; `current`: what enrolment knows of the battery's current."""
    by_source: dict[str, list[Figure]] = {}
    for figure in sorted(figures, key=lambda f: f.time_ns):
        by_source.setdefault(figure.source, []).append(figure)
    found = []
    for source, rows in by_source.items():
        name = _SUPPLY.fullmatch(source)
        points = tuple((f.time_ns, f.value) for f in rows)
        if rows[0].by == "meter":
            found.append(Supply("external meter", source, points, "watts, as the meter prints them"))
        elif source == VIRTUAL:
            found.append(Supply("virtual model", source, points, "uW of the model"))
        elif name and name["field"] == "power_now":
            found.append(Supply("rail", source, points, "uW, as Linux defines power_now"))
        elif source.endswith("/energy_uws"):
            found.append(_rail(source, rows))
    battery = _battery(by_source, current)
    return [*found, battery] if battery is not None else found


def _rail(source: str, rows: list[Figure]) -> Supply:
    """Power between two refreshes of energy since boot, at the moment between them; the meter is read more often than that,
    and when it was refreshed before the first reading is not known."""
    points, problem = [], ""
    changes = [after for before, after in itertools.pairwise(rows) if after.raw != before.raw]
    for before, after in itertools.pairwise(changes):
        if after.raw < before.raw:
            problem = "its energy since boot went backwards"
        elif after.time_ns > before.time_ns:
            watts = (after.value - before.value) / (after.time_ns - before.time_ns) * 1e9
            points.append(((before.time_ns + after.time_ns) // 2, watts))
    return Supply("rail", source, tuple(points), "uWs since boot, downstream of the battery", problem)


def _battery(by_source: dict[str, list[Figure]], current: BatteryCurrent | None) -> Supply | None:
    named = [s for s in by_source if s.endswith("/current_now")]
    # The enrolled node, else a battery's own, else the first.
    enrolled = current.source if current is not None else ""
    named.sort(key=lambda s: (not enrolled.endswith(s.removeprefix("power")), "/bat" not in s and "/bms" not in s, s))
    for source in named:
        folder = source.rpartition("/")[0]
        volts = by_source.get(f"{folder}/voltage_now") or next(
            (rows for s, rows in by_source.items() if s.endswith("/voltage_now")), None
        )
        if volts is not None:
            return _of(by_source[source], volts, by_source.get(f"{folder}/status", []), current)
    return None


def _of(amperes: list[Figure], volts: list[Figure], status: list[Figure], current: BatteryCurrent | None) -> Supply:
    source = f"{amperes[0].source} x {volts[0].source.rpartition('/')[2]}"
    charging = not status or any(f.raw != DISCHARGING for f in status)
    scale, units = unit(amperes, current)
    problem = ""
    if not status:
        problem = "nothing tells whether the battery was charging"
    elif charging:
        problem = "the battery was not discharging: what flows into it is not what the phone draws"
    elif scale is None:
        problem = units
    elif len({f.raw > 0 for f in amperes if f.raw}) > 1:
        problem = "its current changed sign though it was discharging"
    points, at = [], 0
    for row in amperes if scale is not None else ():  # watts of no known unit are not drawn as none
        while at + 1 < len(volts) and volts[at + 1].time_ns <= row.time_ns:
            at += 1
        points.append((row.time_ns, abs(row.raw) * (scale or 0.0) * volts[at].value))
    return Supply("battery", source, tuple(points), units, problem, charging)


def unit(amperes: Sequence[Figure], current: BatteryCurrent | None) -> tuple[float | None, str]:
    """Amperes of one unit of the figures, and how that is known; None when it is not."""
    if current is not None and current.unit != UNKNOWN:
        scale = {"uA": 1e-6, "mA": 1e-3}.get(current.unit)
        if scale is not None:
            return scale, f"{current.unit}, by the device's enrolment"
    if any(abs(f.raw) >= PLAINLY_MICRO for f in amperes):
        return 1e-6, "uA: no phone draws that many mA"
    return None, "the unit of its current is not known (uA or mA): enrol it while it charges or works"
