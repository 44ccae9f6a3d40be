"""What stands around the passes of a run: gates before, settings made and undone, the host's CPU, samplers, cooling,
throttling; and what came of it, for the run's document. `perform` calls it at the right moments."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from farm import host_cpu
from farm.errors import FarmError
from farm.report.measures import Samples, Throttling
from farm.run.conditions import gates, settle, throttling, tuning
from farm.run.samplers import clock, figure, power, series
from farm.run.samplers.clock import Offset
from farm.run.samplers.computer import Computer
from farm.run.samplers.dumpsys import Dumpsys
from farm.run.samplers.energy import energy
from farm.run.samplers.meter import Meter
from farm.run.samplers.watcher import Watcher

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from farm.capture.recording import Recording
    from farm.fleet.adb import AdbDevice
    from farm.fleet.enrolment import Enrolment
    from farm.run.conditions.reading import Reading
    from farm.run.samplers.figure import Axis, Figure
    from farm.settings import Settings
    from farm.store.artifacts import ArtifactStore

    Tell = Callable[[str, int, int], None]

MEASURES = ("latency", "profile")
"""The passes whose times count."""
AGENT_READS = {
    "power": ("current", "power"),
    "zones": ("temperature",),
    "clocks": ("clock",),
}
"""By what the shell can read of /sys: quantities that the agent's samples must then hold."""


@dataclass
class Measuring:
    """One run's. `tell` is told of every wait, and may raise to end it."""

    settings: Settings
    device: AdbDevice
    serial: str
    artifacts: ArtifactStore
    virtual: bool
    tell: Tell
    enrolment: Enrolment | None = None
    fixed_performance: bool = False
    context: str = "shell"
    notes: dict[str, str] = field(default_factory=dict)
    """For the run's conditions."""
    partial: list[str] = field(default_factory=list)
    throttled: dict[str, Throttling] = field(default_factory=dict)
    _start: Reading | None = None
    _before: Reading | None = None
    _after: Reading | None = None
    _figures: list[Figure] = field(default_factory=list)
    _offset: Offset | None = None
    _axis: Axis | None = None
    """Of the latency pass."""

    @contextlib.contextmanager
    def prepared(self) -> Iterator[None]:
        """The device is fit to be measured, and set up for it; both end with the block.

        Raises:
            ConditionsError: it is not fit, and did not become so in time.
        """
        limits = self.settings.conditions
        self._start = settle.ready(self.device, limits, virtual=self.virtual, tell=self.tell)
        self.notes |= self._start.words() | gates.marks(self._start, limits)
        asked = limits.fixed_performance or self.fixed_performance
        with tuning.applied(
            self.device, self.serial, self.settings.data, limits, self._start, fixed_performance=asked
        ) as made:
            self.notes |= made
            yield

    def flags(self, step: str, *, pair: bool = False) -> tuple[str, ...]:
        """What the agent is told of sampling in a pass."""
        samples = self.settings.samples
        if step not in MEASURES or not samples.period_ms:
            return ()
        idle = samples.idle_s if step == "latency" and not pair and self._has_power() else 0
        return (
            *("--sample-ms", str(samples.period_ms)),
            *(("--sample-pss", "yes") if samples.pss else ()),
            *(("--idle-ms", str(round(idle * 1000))) if idle else ()),
        )

    @contextlib.contextmanager
    def around(self, step: str, title: str, agent: str) -> Iterator[None]:
        """One pass: cooled down before, alone on this computer's CPU if it is a virtual phone's, watched meanwhile."""
        if step not in MEASURES or self._start is None:
            yield
            return
        self._before, note = settle.cooled(self.device, self._start, self.settings.conditions, tell=self.tell)
        if note:
            self.notes[f"cooling before {title}"] = note
        with self._host_cpu(), self._watched(step, title, agent):
            yield
        self._after = settle.heat(self.device)

    def add(self, figures: Iterable[Figure]) -> None:
        """Take in what was read beside the pass that just ended, before it is judged."""
        self._figures += figures

    def judge(self, step: str, title: str, recording: Recording, taken: int, *, pair: bool = False) -> bool:
        """Take in what a pass recorded; whether it is to be taken again, since it was throttled. A pair's rounds are not: the
        other side's would be left behind."""
        if step not in MEASURES:
            return False
        rows, times = recording.sample_rows(self.artifacts), recording.frame_times(self.artifacts)
        axis = figure.Axis(times, [(r.time_ns, r.phase) for r in rows if not r.source])
        mine = [f for f in self._figures if f.during == title] + figure.of_agent(rows, title)
        others = [f for f in self._figures if f.during != title]
        found = throttling.throttling(
            title, [t.invoke_ns for t in times], rows, self._before, self._after, self.settings.conditions
        )
        limits = self.settings.conditions
        if found is not None:
            self.throttled[title] = found.model_copy(update={"taken": taken})
            if limits.throttled == "again" and taken <= limits.again and not pair:
                gone = f"{title}, throttled {taken}"
                self._figures = others + [f.model_copy(update={"during": gone}) for f in mine]
                return True
        else:
            self.throttled.pop(title, None)
            if taken > 1:
                self.notes[f"{title} taken again"] = f"{taken - 1} times: it was throttled before"
        self._figures = others + [figure.aligned(f, axis) for f in mine]
        if recording.header.cpu_mask:
            self.notes["cpu_mask_used"] = f"{recording.header.cpu_mask_used:x}, read back"
        if title == "latency":
            self._axis = axis
            self._expect(mine)
        return False

    def results(self) -> dict[str, Any]:
        """Fields of the run's document."""
        found: dict[str, Any] = {"throttled": tuple(self.throttled.values())}
        sha256 = series.stored(self._figures, self.artifacts) if self._figures else ""
        if sha256:
            mine = [f for f in self._figures if f.during == "latency"]
            current = self.enrolment.capabilities.battery_current if self.enrolment is not None else None
            supplies = power.supplies(mine, current)
            axis = self._axis or figure.Axis(())
            windows = list(zip(axis.starts, axis.ends, strict=True))
            found["energy"] = tuple(
                energy(supply, windows, axis.window("idle"), state=self._state(), virtual=self.virtual)
                for supply in supplies
                if windows
            )
            found["samples"] = Samples(
                sha256=sha256,
                path=str(self.artifacts.path(sha256)),
                rows=len(self._figures),
                offset_error_ms=None if self._offset is None else self._offset.error_ns / 1e6,
                series=series.drawn(mine, supplies, axis) if windows else (),
            )
            if not supplies:
                self.notes["energy"] = "nothing on this device tells its power: see docs/measuring.md"
        found["partial"] = tuple(self.partial)
        return found

    def _host_cpu(self) -> contextlib.AbstractContextManager[float]:
        if not (self.virtual and self.settings.conditions.host_cpu_lock):
            return contextlib.nullcontext(0.0)
        return host_cpu.held(lambda: self.tell(host_cpu.STAGE, 0, 0))

    @contextlib.contextmanager
    def _watched(self, step: str, title: str, agent: str) -> Iterator[None]:
        watchers = self._watchers() if step == "latency" and title == "latency" else []
        offset = self._clock(watchers, agent) if watchers else None
        for watcher in watchers:
            watcher.start()
        try:
            yield
        finally:
            for watcher in watchers:
                watcher.stop()
        for watcher in watchers:
            if offset is not None:
                self._figures += watcher.figures(title, offset)
            if watcher.problem:
                self.partial.append(f"{watcher.by}: {watcher.problem}")

    def _watchers(self) -> list[Watcher]:
        samples, found = self.settings.samples, list[Watcher]()
        closed = self._start is not None and not {"power", "zones"} <= self._open()
        if samples.host == "always" or (samples.host == "needed" and closed):
            found.append(Dumpsys(self.device, samples.host_s))
        if self.virtual and samples.host != "never":
            found.append(Computer(samples.host_s))
        if self.settings.meter.command:
            found.append(Meter(self.settings.meter.command, self.device.serial))
        return found

    def _clock(self, watchers: list[Watcher], agent: str) -> Offset | None:
        if self.virtual and all(isinstance(w, Computer) for w in watchers):
            return Offset(0, 0)  # one kernel, one clock
        try:
            self._offset = clock.ask(self.device, agent)
        except FarmError as e:
            self.partial.append(f"clock offset: {e}")
        return self._offset

    def _has_power(self) -> bool:
        told = self._start is not None and "power" in self._start.nodes
        return told or self.settings.samples.host == "always" or bool(self.settings.meter.command)

    def _expect(self, figures: list[Figure]) -> None:
        """What the shell could read, and the agent's samples lack, is missing."""
        if not self.settings.samples.period_ms:
            return
        mine = {f.quantity for f in figures if f.by == "agent"}
        if not mine:
            self.partial.append("agent's sampler: read nothing")
            return
        for node in sorted(self._open()):
            if not mine & set(AGENT_READS[node]):
                self.partial.append(f"agent's sampler: {node} can be opened, but what they say is no number")

    def _open(self) -> frozenset[str]:
        """Which of /sys the agent can read: what the shell can, but on a phone hardly anything from inside an app."""
        in_app = self.context == "app" and not self.virtual
        return frozenset() if in_app or self._start is None else frozenset(self._start.nodes)

    def _state(self) -> str:
        start = self._start
        if start is None:
            return ""
        words = [f"screen {start.screen or 'unknown'}", start.doze and f"Doze {start.doze}", start.battery.status or ""]
        return ", ".join(word for word in words if word)
