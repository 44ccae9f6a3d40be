"""The fleet: every device live, who needs somebody, how busy they were, and what the sentinel says of them."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, ClassVar

from farm.pages.chart import Axis, Chart, Line
from farm.pages.device_line import WORST_FIRST, DeviceLine, severity
from farm.pages.view import View
from farm.report.base import Part
from farm.report.document import Watch

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

DAYS = 14
"""Of utilization."""
NEEDS = frozenset({"needs-human", "quarantined", "unauthorized", "unresponsive", "offline"})


class FleetLine(Part):
    """A device in the list."""

    device: DeviceLine
    busy: tuple[float, ...]
    """Share of each of the last DAYS days that runs took, the oldest first."""
    watch: Watch | None = None

    @property
    def week(self) -> float:
        """Share of the last seven days."""
        return sum(self.busy[-7:]) / 7


class Count(Part):
    """How many devices are so."""

    condition: str
    devices: int


class Fleet(View):
    """Every device."""

    template: ClassVar[str] = "fleet.html.j2"
    section: ClassVar[str] = "/fleet"
    title: str = "Fleet"
    q: str = ""
    """Of the filter."""
    condition: str = ""
    counts: tuple[Count, ...]
    """Over all, whatever the filter; those in need first."""
    total: int
    lines: tuple[FleetLine, ...]
    """The worst first."""

    @property
    def in_need(self) -> tuple[FleetLine, ...]:
        """Those that take no runs until something is done."""
        return tuple(line for line in self.lines if line.device.condition in NEEDS)


def fleet(
    devices: Sequence[DeviceLine],
    busy: Mapping[str, Sequence[float]],
    days: Sequence[float],
    watches: Sequence[Watch],
    *,
    q: str = "",
    condition: str = "",
) -> Fleet:
    """The page. `busy` has a share for each of `days` (their beginnings, Unix seconds) by serial; a device without is idle."""
    watched = {watch.serial: watch for watch in watches}
    idle = (0.0,) * len(days)
    found = [
        FleetLine(device=d, busy=tuple(busy.get(d.serial, idle)), watch=watched.get(d.serial))
        for d in sorted(devices, key=severity)
        if (not condition or d.condition == condition) and matches(d, q)
    ]
    counts = Counter(d.condition for d in devices)
    order = sorted(counts, key=lambda word: WORST_FIRST.index(word) if word in WORST_FIRST else -1)
    return Fleet(
        q=q,
        condition=condition,
        counts=tuple(Count(condition=word, devices=counts[word]) for word in order),
        total=len(devices),
        lines=tuple(found),
        charts=(_utilization(found, days),) if found and any(any(f.busy) for f in found) else (),
    )


def matches(device: DeviceLine, q: str) -> bool:
    """Whether every word of `q` is in one of the device's own."""
    own = " ".join(
        (device.serial, device.name, device.model, device.kind, device.abi, device.pool, *device.labels)
    ).lower()
    return all(word in own for word in q.lower().split())


def _utilization(lines: Sequence[FleetLine], days: Sequence[float]) -> Chart:
    share = tuple(100 * sum(f.busy[i] for f in lines) / len(lines) for i in range(len(days)))
    busiest = tuple(100 * max(f.busy[i] for f in lines) for i in range(len(days)))
    return Chart(
        id="utilization",
        title=f"Busy, of {len(lines)} device{'s' if len(lines) > 1 else ''}",
        kind="time",
        y=(Axis(name="share of the day", unit="%", low=0),),
        lines=(
            Line(name="all", x=tuple(days), y=share, shape="steps"),
            Line(name="the busiest", x=tuple(days), y=busiest, shape="points"),
        ),
        note="From start to end of each run, of its last attempt; today counts up to now.",
        height="low",
    )  # fmt: skip
