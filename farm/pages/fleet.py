"""The fleet: every device live, who needs somebody, how busy they were, and what the sentinel says of them."""

from __future__ import annotations

import functools
import statistics
from collections import Counter
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar

from farm.pages.chart import Axis, Chart, Line, Mark, Table
from farm.pages.device_line import WORST_FIRST, DeviceLine, severity
from farm.pages.view import View
from farm.report.base import Part
from farm.report.document import Watch

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from farm.store.sentinels import Night

DAYS = 14
"""Of utilization."""
KEPT = 8
"""Charts of the sentinel: one for each filter that is looked at."""
NEEDS = frozenset({"needs-human", "quarantined", "unauthorized", "unresponsive", "offline"})


class Trace(Part):
    """The sentinel's last nights on a device, the oldest first: all under one runtime, so that they are one line."""

    ended: tuple[float, ...]
    """Unix seconds."""
    median_ms: tuple[float, ...]
    """As many."""


class FleetLine(Part):
    """A device in the list."""

    device: DeviceLine
    busy: tuple[float, ...]
    """Share of each of the last DAYS days that runs took, the oldest first."""
    watch: Watch | None = None
    """What the last of the sentinel's nights says; None: it had none."""
    trace: Trace | None = None
    """Them, where there is a `watch`."""

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
    watched: Sequence[tuple[Watch, tuple[Night, ...]]],
    *,
    q: str = "",
    condition: str = "",
) -> Fleet:
    """The page. `busy` has a share for each of `days` (their beginnings, Unix seconds) by serial; a device without is idle.

    `watched` has each device that the sentinel ran on: what its last night says, that night and those before, oldest first.
    """
    by_serial = {watch.serial: (watch, nights) for watch, nights in watched}
    idle = (0.0,) * len(days)
    found = [
        _line(d, tuple(busy.get(d.serial, idle)), *by_serial.get(d.serial, (None, ())))
        for d in sorted(devices, key=severity)
        if (not condition or d.condition == condition) and matches(d, q)
    ]
    counts = Counter(d.condition for d in devices)
    known = tuple((f.device.word, *by_serial[f.device.serial]) for f in found if f.watch is not None)
    order = sorted(counts, key=lambda word: WORST_FIRST.index(word) if word in WORST_FIRST else -1)
    return Fleet(
        q=q,
        condition=condition,
        counts=tuple(Count(condition=word, devices=counts[word]) for word in order),
        total=len(devices),
        lines=tuple(found),
        charts=tuple(chart for chart in (_utilization(found, days), _sentinel(known)) if chart is not None),
    )


def matches(device: DeviceLine, q: str) -> bool:
    """Whether every word of `q` is in one of the device's own."""
    own = " ".join(
        (device.serial, device.name, device.model, device.kind, device.abi, device.pool, *device.labels)
    ).lower()
    return all(word in own for word in q.lower().split())


def _line(device: DeviceLine, busy: tuple[float, ...], watch: Watch | None, nights: tuple[Night, ...]) -> FleetLine:
    trace = Trace(ended=tuple(n.ended for n in nights), median_ms=tuple(n.median_ms for n in nights))
    return FleetLine(device=device, busy=busy, watch=watch, trace=trace if watch is not None else None)


@functools.lru_cache(maxsize=KEPT)
def _sentinel(known: tuple[tuple[str, Watch, tuple[Night, ...]], ...]) -> Chart | None:
    """All devices (name, what is said, nights), each against its own baseline: what moves them all is no phone that ages.

    Kept, since it changes once a night and is asked for with every change of a device.
    """
    by_day: dict[float, list[float]] = {}
    rows = []
    for name, watch, nights in known:
        for night in nights:
            ended = datetime.fromtimestamp(night.ended).astimezone()
            share = 100 * night.median_ms / watch.baseline_ms if watch.baseline_ms else None
            rows.append((name, watch.serial, ended.isoformat(timespec="seconds"), night.median_ms, share))
            if share is not None:
                by_day.setdefault(ended.replace(hour=0, minute=0, second=0, microsecond=0).timestamp(), []).append(
                    share
                )
    if not rows:
        return None
    days = sorted(by_day)
    return Chart(
        id="sentinel",
        title="Sentinel: the golden model over the devices",
        kind="time",
        y=(Axis(name="median", unit="% of usual"),),
        lines=(
            Line(name="the middle one", x=tuple(days), y=tuple(statistics.median(by_day[day]) for day in days)),
            Line(name="the slowest", x=tuple(days), y=tuple(max(by_day[day]) for day in days), shape="points"),
        ),
        marks=(Mark(name="as before", at=100.0, axis="y"),),
        note="Each device against the median of its nights before: what moves all of them is no phone that ages.",
        height="low",
        table=Table(columns=("device", "serial", "night", "median [ms]", "of its nights before [%]"), rows=tuple(rows)),
    )


def _utilization(lines: Sequence[FleetLine], days: Sequence[float]) -> Chart | None:
    if not any(any(line.busy) for line in lines):
        return None
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
