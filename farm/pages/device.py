"""One device: where it stands, what it did, what happened to it, and whether it is still the phone it was."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from farm.pages.chart import Axis, Chart, Line, Mark
from farm.pages.device_line import DeviceLine
from farm.pages.view import View
from farm.report.base import Part
from farm.report.device_run import DeviceRun
from farm.report.document import Watch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from farm.store.devices import DeviceEvent, DeviceRow
    from farm.store.sentinels import Night

EVENTS = 50
RUNS = 20
DAYS = 60
"""Of utilization."""
MARKED = frozenset({"quarantined", "released", "enrolled", "needs-human"})
"""Events that stand in the sentinel's chart."""


class Happened(Part):
    """An event of the device's history. Unix seconds."""

    at: float
    kind: str
    detail: str


class DevicePage(View):
    """One device. Unix seconds."""

    template: ClassVar[str] = "device.html.j2"
    section: ClassVar[str] = "/fleet"
    device: DeviceLine | None
    """None: it is not attached now."""
    serial: str
    first_seen: float = 0.0
    last_seen: float = 0.0
    enrolled: float | None = None
    faults: int = 0
    """Infrastructure errors in a row."""
    reserved_until: float | None = None
    properties: dict[str, str]
    runs: tuple[DeviceRun, ...]
    """The newest first, as `events`."""
    events: tuple[Happened, ...]
    watch: Watch | None
    busy: float | None
    """Share of the last seven days."""


def device_page(
    serial: str,
    device: DeviceLine | None,
    row: DeviceRow | None,
    runs: Sequence[DeviceRun],
    events: Sequence[DeviceEvent],
    nights: Sequence[Night],
    watch: Watch | None,
    days: Sequence[float],
    busy: Sequence[float],
) -> DevicePage:
    """The page; `busy` has a share for each of `days`, their beginnings in Unix seconds, or is empty."""
    charts = (_sentinel(nights, events), _utilization(days, busy))
    return DevicePage(
        title=device.word if device is not None else (row.name if row is not None and row.name else serial),
        charts=tuple(chart for chart in charts if chart is not None),
        device=device,
        serial=serial,
        first_seen=row.first_seen if row is not None else 0.0,
        last_seen=row.last_seen if row is not None else 0.0,
        enrolled=row.enrolled if row is not None else None,
        faults=row.faults if row is not None else 0,
        reserved_until=row.reservation.expires if row is not None and row.reservation is not None else None,
        properties=dict(sorted(row.properties.items())) if row is not None else {},
        runs=tuple(runs),
        events=tuple(Happened(at=e.at, kind=e.kind, detail=e.detail) for e in events),
        watch=watch,
        busy=sum(busy[-7:]) / 7 if busy else None,
    )


def _sentinel(nights: Sequence[Night], events: Sequence[DeviceEvent]) -> Chart | None:
    if not nights:
        return None
    by_runtime: dict[str, list[Night]] = {}
    for night in nights:
        by_runtime.setdefault(night.runtime, []).append(night)
    first, last = nights[0].ended, nights[-1].ended
    return Chart(
        id="sentinel",
        title="Sentinel: the golden model, night by night",
        kind="time",
        y=(Axis(name="median", unit="ms"),),
        lines=tuple(
            Line(
                name=f"runtime {runtime or 'unknown'}",
                x=tuple(n.ended for n in found),
                y=tuple(n.median_ms for n in found),
                texts=tuple("" if n.top1 is None else f"top-1 {n.top1:.3f}" for n in found),
            )
            for runtime, found in by_runtime.items()
        ),
        marks=tuple(Mark(name=e.kind, at=e.at) for e in events if e.kind in MARKED and first <= e.at <= last),
        note="Figures of two runtimes are not one line.",
    )


def _utilization(days: Sequence[float], busy: Sequence[float]) -> Chart | None:
    if not any(busy):
        return None
    return Chart(
        id="utilization",
        title="Busy",
        kind="time",
        y=(Axis(name="share of the day", unit="%", low=0),),
        lines=(Line(name="busy", x=tuple(days), y=tuple(100 * share for share in busy), shape="steps"),),
        note="From start to end of each run, of its last attempt; today counts up to now.",
        height="low",
    )
