"""A trace around a pass: started, stopped, brought home, removed. It may fail; the run goes on and says why there is none."""

from __future__ import annotations

import contextlib
import tempfile
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from farm.android.commands import perfetto
from farm.errors import AdbError, FarmError
from farm.report.document import EvidenceLink
from farm.run import passes
from farm.run.trace.config import config
from farm.run.trace.reading import read

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import IO

    from farm.fleet.adb import AdbDevice
    from farm.run.samplers.figure import Figure
    from farm.sections.devices import Trace
    from farm.store.artifacts import ArtifactStore

START_S = 15.0
STOP_S = 20.0
SLACK_S = 60.0
"""The trace outlives the pass's own deadline by so much, then it ends by itself."""
OLD_MB = 14
"""Largest trace of a phone whose traces come through `cat`, whose output the farm bounds."""
FLAG = "traced"


@dataclass
class Tracing:
    """Of one attempt. `notes` are for the run's conditions, `links` for its document, `figures` for its samples."""

    device: AdbDevice
    artifacts: ArtifactStore
    asked: tuple[str, ...]
    """Passes."""
    settings: Trace
    name: str
    """Of the attempt, unique on the device."""
    attempt: int
    sdk: int | None
    folder: Path
    """For the file on its way; there already."""
    notes: dict[str, str] = field(default_factory=dict)
    links: list[EvidenceLink] = field(default_factory=list)
    figures: list[Figure] = field(default_factory=list)
    """Of the pass before."""

    @contextlib.contextmanager
    def around(self, step: str, title: str, pass_s: float) -> Iterator[None]:
        """One pass. Whatever goes wrong here is a note; what goes wrong in the block is the block's."""
        self.figures = []
        if step not in self.asked:
            yield
            return
        remote = f"{perfetto.FOLDER}/farm-{self.name}-{title}.pftrace"
        pid = self._start(title, remote, pass_s)
        try:
            yield
        finally:
            if pid is not None:
                self._end(title, remote, pid)

    def _start(self, title: str, remote: str, pass_s: float) -> int | None:
        old = self.sdk is not None and self.sdk < perfetto.PULLS_SINCE
        settings = (
            self.settings.model_copy(update={"size_mb": min(self.settings.size_mb, OLD_MB)}) if old else self.settings
        )
        try:
            started = self.device.ask(perfetto.start(config(settings, pass_s + SLACK_S), remote), START_S)
        except FarmError as e:
            started = perfetto.Started(None, problem=str(e))
        if started.turned_on:
            self.notes["tracing service"] = "was off; persist.traced.enable was set to 1, and stays so"
        if started.pid is None:
            self.notes[f"no trace of {title}"] = started.problem
            return None
        told = self.notes.get(FLAG, "")
        self.notes[FLAG] = told if title in told.split(", ") else ", ".join(filter(None, (told, title)))
        return started.pid

    def _end(self, title: str, remote: str, pid: int) -> None:
        try:
            stopped = self.device.ask(perfetto.stop(pid), STOP_S)
            if stopped.early:
                self.notes[f"trace of {title}"] = "ended before the pass did: full, or refused (trace.size_mb)"
            elif stopped.killed:
                self.notes[f"trace of {title}"] = "did not end when it was asked to; its end may be missing"
            with tempfile.TemporaryFile(dir=self.folder) as file:
                self._pull(remote, file)
                file.seek(0)
                data = file.read()
            if not data:
                self.notes[f"no trace of {title}"] = "perfetto wrote nothing: see logcat"
                return
            self._keep(title, data)
        except (FarmError, OSError) as e:
            self.notes[f"no trace of {title}"] = str(e)
        finally:
            with contextlib.suppress(FarmError):
                self.device.ask(perfetto.remove(remote), START_S)

    def _pull(self, remote: str, file: IO[bytes]) -> None:
        deadline_s = passes.PULL_SLACK_S + (self.settings.size_mb << 20) / passes.SLOWEST_BYTES_S
        if self.sdk is not None and self.sdk < perfetto.PULLS_SINCE:
            line = perfetto.content(remote)
            refused = line.read(self.device.send(line, deadline_s, on_stdout=lambda data: _write(file, data)).said)
            if refused:
                raise AdbError(refused, where=f"{self.device.serial}: {remote}", remedy="")
            return
        self.device.pull(remote, file, deadline_s)

    def _keep(self, title: str, data: bytes) -> None:
        taken = sum(link.name.startswith(f"trace-{title}.") for link in self.links)
        name = f"trace-{title}{f'.{taken + 1}' if taken else ''}.pftrace"
        sha256 = self.artifacts.put(data)
        self.links.append(EvidenceLink(name=name, attempt=self.attempt, sha256=sha256, bytes=len(data)))
        power = read(data)
        self.figures = power.figures(title)
        if power.cut_off or not power.packets:
            self.notes[f"trace of {title}"] = f"cannot be read beyond its {power.packets}th packet"


def _write(file: IO[bytes], data: bytes) -> None:
    file.write(data)
