"""`farm top`: the lab at a glance, as it changes."""

from __future__ import annotations

import contextlib
import json
import select
import sys
import threading
import time
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Group
from rich.markup import escape
from rich.table import Table

from farm.cli import shell
from farm.errors import FarmError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType

    from farm.api.messages import DeviceView, Event, LabEvent
    from farm.report.document import Job

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
LOOK_S = 0.5
FAILURES = 8
HISTORY = 50
"""Jobs looked at for failures before this moment."""
BAR = 20
ROWS = 40
"""Devices and runs shown at most; the rest is counted."""


@dataclass(frozen=True)
class Failed:
    """A run that gave no result."""

    run: int
    job: int
    serial: str
    message: str


@dataclass(frozen=True)
class Glance:
    """What is seen: `devices` by what they do, what runs, how much waits, what failed last (newest first)."""

    devices: tuple[tuple[str, str, str, int | None], ...]
    """Serial or name, condition, reason, run."""
    running: tuple[Event, ...]
    queued: int
    jobs: int
    """That are not over."""
    failures: tuple[Failed, ...]


@dataclass
class Lab:
    """What is known of the lab, from its events. Safe for a thread that tells and one that looks."""

    _jobs: dict[int, str] = field(default_factory=dict)
    _runs: dict[int, Event] = field(default_factory=dict)
    _devices: dict[str, DeviceView] = field(default_factory=dict)
    _failures: dict[int, Failed] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def remember(self, jobs: list[Job]) -> None:
        """Failures before this moment; `jobs` are the newest first."""
        for job in reversed(jobs):
            for run in job.runs:
                if run.status == "failed":
                    serial = run.target.serial if run.target else ""
                    self._fail(Failed(run.id, job.job, serial, run.error.message if run.error else ""))

    def apply(self, event: LabEvent) -> None:
        """Something is so now."""
        with self._lock:
            if event.job is not None:
                if event.job.status in {"queued", "running"}:
                    self._jobs[event.job.job] = event.job.model
                else:
                    self._jobs.pop(event.job.job, None)
            if event.run is not None and event.run.run is not None:
                run = event.run
                if run.status in {"queued", "running"}:
                    self._runs[event.run.run] = run
                else:
                    self._runs.pop(event.run.run, None)
                if run.status == "failed":
                    self._fail(Failed(event.run.run, run.job, run.serial, run.message))
            if event.device is not None:
                self._devices[event.device.serial] = event.device
            self._devices.pop(event.gone, None)

    def _fail(self, failed: Failed) -> None:
        self._failures.pop(failed.run, None)
        self._failures[failed.run] = failed
        while len(self._failures) > FAILURES:
            del self._failures[next(iter(self._failures))]

    def glance(self) -> Glance:
        """As it is now."""
        with self._lock:
            runs = list(self._runs.values())
            devices = sorted(self._devices.values(), key=lambda d: d.name or d.serial)
            return Glance(
                tuple((d.name or d.serial, str(d.condition or d.state), d.reason, d.run) for d in devices),
                tuple(sorted((r for r in runs if r.status == "running"), key=lambda r: r.run or 0)),
                sum(r.status == "queued" for r in runs),
                len(self._jobs),
                tuple(reversed(self._failures.values())),
            )


def top(
    context: typer.Context,
    once: Annotated[bool, typer.Option("--once", help="Print it once, and end.")] = False,
    as_json: Json = False,
) -> None:
    """Show devices, runs under way, the queue and the last failures, as they change; q or Ctrl-C ends it."""
    from rich.live import Live

    from farm.client import connect

    lab = shell.of(context)
    with shell.errors(lab, as_json=as_json), connect(lab.settings) as client:
        known = Lab()
        client.devices()  # a daemon that only answers has not looked at them yet
        known.remember(client.jobs(HISTORY))
        for event in client.lab_events(follow=False):
            known.apply(event)
        if as_json:
            shell.print_json(json.dumps(document(known.glance()), indent=2))
            return
        if once or not lab.out.is_terminal:
            lab.out.print(drawn(known.glance()))
            return
        over = threading.Event()

        def listen() -> None:
            with contextlib.suppress(FarmError):
                for event in client.lab_events():
                    known.apply(event)
                    if over.is_set():
                        return

        threading.Thread(target=listen, name="top", daemon=True).start()
        with contextlib.suppress(KeyboardInterrupt), _keys() as asked, Live(console=lab.out, screen=True) as live:
            while not asked(LOOK_S):
                live.update(drawn(known.glance()))
        over.set()


def document(glance: Glance) -> dict[str, object]:
    """For scripts."""
    return {
        "devices": [dict(zip(("device", "condition", "reason", "run"), row, strict=True)) for row in glance.devices],
        "running": [run.model_dump() for run in glance.running],
        "queued": glance.queued,
        "jobs": glance.jobs,
        "failures": [asdict(failed) for failed in glance.failures],
    }


def drawn(glance: Glance) -> RenderableType:
    """For people."""
    from farm.cli.device_render import COLORS

    states = [condition for _, condition, *_ in glance.devices]
    counted = ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states)) or "no devices"
    head = f"{time.strftime('%H:%M:%S')}  {len(glance.running)} running, {glance.queued} queued in {glance.jobs} jobs; {counted}"
    devices = Table("device", "state", "reason", "run", box=None, pad_edge=False)
    for name, condition, reason, holds in glance.devices[:ROWS]:
        color = COLORS.get(condition, "default")
        devices.add_row(escape(name), f"[{color}]{condition}[/]", escape(reason[:60]), str(holds or ""))
    parts: list[RenderableType] = [head, "", devices]
    if len(glance.devices) > ROWS:
        parts.append(f"and {len(glance.devices) - ROWS} more")
    if glance.running:
        runs = Table("run", "job", "device", "try", "doing", "", box=None, pad_edge=False)
        for run in glance.running[:ROWS]:
            runs.add_row(str(run.run), str(run.job), escape(run.serial), str(run.attempt), escape(run.stage), bar(run))
        parts += ["", runs]
    if glance.failures:
        failures = Table("failed", "job", "device", "why", box=None, pad_edge=False)
        for failed in glance.failures:
            failures.add_row(str(failed.run), str(failed.job), escape(failed.serial), escape(failed.message[:90]))
        parts += ["", failures]
    return Group(*parts)


def bar(run: Event) -> str:
    """How far a stage is."""
    if run.of <= 0:
        return ""
    share = min(1.0, run.done / run.of)
    full = round(BAR * share)
    return f"{'█' * full}{'░' * (BAR - full)} {run.done}/{run.of}"


@contextlib.contextmanager
def _keys() -> Iterator[_Asked]:
    """Waits for q; without a terminal on stdin it only waits."""
    try:
        import termios
        import tty

        before = termios.tcgetattr(sys.stdin)
    except (ImportError, OSError, ValueError, termios.error):
        yield _Asked(keys=False)
        return
    try:
        tty.setcbreak(sys.stdin)
        yield _Asked(keys=True)
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)


@dataclass(frozen=True)
class _Asked:
    keys: bool

    def __call__(self, within_s: float) -> bool:
        """Whether somebody pressed q; waits so long for it."""
        if not self.keys:
            time.sleep(within_s)
            return False
        return bool(select.select([sys.stdin], [], [], within_s)[0]) and sys.stdin.read(1) in {"q", "Q", "\x04"}
