"""A figure read beside the frames, in its unit, on the agent's clock; and raw ones of the agent's made into such."""

from __future__ import annotations

import bisect
from typing import TYPE_CHECKING, Annotated, NamedTuple

from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from farm.capture.rows import FrameTime, SampleRow
    from farm.report.measures import Quantity

MIB = 1 << 20
NO_FRAME = -1


class Figure(BaseModel):
    """One row of the run's samples."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    during: str
    time_ns: int
    """Of the agent's monotonic clock."""
    error_ns: int
    """How far the moment may be off: half the reading, and the offset's error where it was read elsewhere."""
    by: str
    """agent, dumpsys, psutil, meter, perfetto."""
    source: str
    quantity: str
    unit: str
    value: float
    raw: int
    """As the device told it; 0 where it told no whole number."""
    phase: str
    """`idle`, `warm-up`, `frames`, `over`; empty before them."""
    frame: Annotated[int, "int32"] = NO_FRAME
    """Index of the frame that ran then; -1: between frames."""
    repetition: Annotated[int, "int32"] = NO_FRAME


class Kind(NamedTuple):
    """What a source tells."""

    quantity: Quantity
    unit: str
    scale: float


_ENDS: dict[str, Kind] = {
    "/current_now": Kind("current", "raw", 1.0),  # in uA, or what the maker thinks it is: farm.run.samplers.power
    "/voltage_now": Kind("voltage", "V", 1e-6),
    "/power_now": Kind("power", "W", 1e-6),
    "/status": Kind("status", "BatteryManager", 1.0),
    "/energy_uws": Kind("energy", "J", 1e-6),
    "/khz": Kind("clock", "MHz", 1e-3),
    "/cap_khz": Kind("clock", "MHz", 1e-3),
    "/max_khz": Kind("clock", "MHz", 1e-3),
    "/rss_bytes": Kind("memory", "MiB", 1 / MIB),
    "/pss_bytes": Kind("memory", "MiB", 1 / MIB),
}
OTHER = Kind("other", "raw", 1.0)


def kind(source: str) -> Kind:
    """What a source of the agent's tells, by its name."""
    if source.startswith("zone/"):
        return Kind("temperature", "C", 1e-3)
    return next((k for end, k in _ENDS.items() if source.endswith(end)), OTHER)


def of_agent(rows: Iterable[SampleRow], during: str) -> list[Figure]:
    """The agent's rows in their units. Ticks become the busy share of all CPUs since the reading before."""
    found: list[Figure] = []
    ticks: dict[str, int] = {}
    before: tuple[int, int] | None = None
    for row in rows:
        if not row.source:
            continue
        if row.source.startswith("load/"):
            ticks[row.source] = row.value
            if row.source == "load/all_ticks":
                busy = ticks.pop("load/busy_ticks", None)
                if busy is None:
                    continue
                if before is not None and row.value > before[1]:
                    share = min(1.0, max(0.0, (busy - before[0]) / (row.value - before[1])))
                    found.append(_figure(row, during, Kind("load", "share", 1.0), share))
                before = (busy, row.value)
            continue
        what = kind(row.source)
        found.append(_figure(row, during, what, row.value * what.scale))
    return found


def _figure(row: SampleRow, during: str, what: Kind, value: float) -> Figure:
    return Figure(
        during=during,
        time_ns=row.time_ns,
        error_ns=row.took_ns // 2,
        by="agent",
        source="load" if what.quantity == "load" else row.source,
        quantity=what.quantity,
        unit=what.unit,
        value=value,
        raw=row.value,
        phase=row.phase,
    )


class Axis:
    """Where the invocations of a pass stand in time, and the phases around them."""

    def __init__(self, frames: Sequence[FrameTime], marks: Iterable[tuple[int, str]] = ()) -> None:
        self.frames = sorted((f for f in frames if f.start_ns), key=lambda f: f.start_ns)
        self.starts = [f.start_ns for f in self.frames]
        self.ends = [f.start_ns + f.preprocess_ns + f.invoke_ns for f in self.frames]
        self._marks = sorted(marks)
        self._moments = [at for at, _ in self._marks]

    def phase(self, time_ns: int) -> str:
        """Of a moment; empty before the first mark."""
        found = bisect.bisect_right(self._moments, time_ns) - 1
        return self._marks[found][1] if found >= 0 else ""

    def window(self, phase: str) -> tuple[int, int] | None:
        """Begin and end of a phase; None when it was not, or was cut off."""
        for (start, name), (end, _) in zip(self._marks, self._marks[1:], strict=False):
            if name == phase:
                return start, end
        return None

    def at(self, time_ns: int) -> FrameTime | None:
        """The invocation that ran at that moment."""
        found = bisect.bisect_right(self.starts, time_ns) - 1
        return self.frames[found] if found >= 0 and time_ns <= self.ends[found] else None

    def position(self, time_ns: int) -> float | None:
        """Of a moment on the axis of invocations: 3.5 in the middle of the fourth; None outside of them all."""
        found = bisect.bisect_right(self.starts, time_ns) - 1
        if found < 0 or time_ns > self.ends[-1]:
            return None
        until = self.starts[found + 1] if found + 1 < len(self.starts) else self.ends[found]
        span = max(1, until - self.starts[found])
        return found + min(1.0, (time_ns - self.starts[found]) / span)


def aligned(figure: Figure, axis: Axis) -> Figure:
    """The figure with the frame that ran then, and the phase it was of."""
    frame = axis.at(figure.time_ns)
    changes: dict[str, object] = {} if figure.phase else {"phase": axis.phase(figure.time_ns)}
    if frame is not None:
        changes |= {"frame": frame.index, "repetition": frame.repetition}
    return figure.model_copy(update=changes) if changes else figure
