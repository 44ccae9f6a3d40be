"""What is kept of an attempt that failed: the device's log since the pass began, tombstones, the agent's words, timings."""

from __future__ import annotations

import contextlib
import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from farm.android.commands import battery, files, kernel, life, logs, properties, thermal
from farm.android.script import end_of, in_turn
from farm.errors import ConditionsError, FarmError
from farm.report.document import EvidenceLink, Failure

if TYPE_CHECKING:
    from collections.abc import Callable

    from farm.android.command import Line
    from farm.fleet.adb import AdbDevice
    from farm.store.artifacts import ArtifactStore

ALL_S = 8.0
"""For everything asked of the device: the next run waits."""
ONE_S = 4.0
ALIVE_S = 2.0
"""For the first answer; a device that gives none is asked nothing more."""
FILE_BYTES = 1 << 20
"""Kept of each file: its end, where the trouble is."""
STDERR_BYTES = 256 << 10
SLACK_S = 2
"""Log lines from so many seconds before the pass are kept, too."""


@dataclass(frozen=True)
class Stage:
    """A step of an attempt, begun at `began` (Unix seconds) and ended `seconds` later."""

    stage: str
    began: float
    seconds: float


class Trail:
    """What an attempt went through. For one thread."""

    def __init__(self) -> None:
        self._stages: list[tuple[str, float, float]] = []
        self._stderr = bytearray()
        self._since = time.monotonic()
        self.on_device = False
        """Whether the attempt has to do with the device now."""

    def enter(self, stage: str) -> None:
        """The attempt does something else now; the same again says nothing."""
        if not self._stages or self._stages[-1][0] != stage:
            self._stages.append((stage, time.time(), time.monotonic()))

    def begin_pass(self) -> None:
        """A pass begins: the log is wanted from here, the agent's words of the one before are not."""
        self._since = time.monotonic()
        self._stderr.clear()

    def heard(self, data: bytes) -> None:
        """The agent said something on stderr."""
        self._stderr += data
        del self._stderr[:-STDERR_BYTES]

    @property
    def stderr(self) -> bytes:
        """The end of what the agent of the last pass said."""
        return bytes(self._stderr)

    @property
    def pass_s(self) -> float:
        """Seconds since the last pass began; since the attempt, where none did."""
        return time.monotonic() - self._since

    def stages(self) -> list[Stage]:
        """The steps so far; the last one lasts until now."""
        ends = [*(began for *_, began in self._stages), time.monotonic()][1:]
        return [
            Stage(name, round(at, 3), round(end - began, 3))
            for (name, at, began), end in zip(self._stages, ends, strict=True)
        ]


def gather(
    device: AdbDevice,
    trail: Trail,
    error: FarmError,
    attempt: int,
    artifacts: ArtifactStore,
    check: Callable[[], None],
) -> tuple[EvidenceLink, ...]:
    """Keep what tells why `error` came about. Never raises: that error is the one that counts.

    Nothing is kept where the run was not to go on (`check` raises) or the device was merely not in condition. From a device
    that does not answer nothing is asked; what this computer knows is kept all the same.
    """
    try:
        check()
    except FarmError:
        return ()
    if not trail.on_device or isinstance(error, ConditionsError):
        return ()
    files: dict[str, bytes] = {"agent-stderr.txt": trail.stderr}
    stages, left_out = trail.stages(), {}
    try:
        left_out = _ask(device, trail.pass_s, files, check)
    except FarmError as e:
        left_out["the rest"] = str(e)
    except Exception as e:  # whatever it is, it must not hide why the run failed
        left_out["the rest"] = repr(e)
    timings = {
        "error": Failure.of(error).model_dump(),
        "stages": [vars(stage) for stage in stages],
        "left out": left_out,
    }
    files["timings.json"] = json.dumps(timings, indent=2).encode()
    links = []
    with contextlib.suppress(FarmError, OSError):  # no room for it: then without
        for name, content in files.items():
            if content:
                sha256 = artifacts.put(content)
                links.append(EvidenceLink(name=name, attempt=attempt, sha256=sha256, bytes=len(content)))
    return tuple(links)


def questions(pass_s: float) -> dict[str, Line[str]]:
    """File name -> what prints it, for a device on which a pass began `pass_s` seconds ago."""
    ago = int(pass_s) + SLACK_S
    return {
        "logcat-main.txt": logs.since("main,system", ago),
        "logcat-crash.txt": logs.since("crash", ago),
        "tombstones.txt": logs.tombstones(ago // 60 + 1),
        "health.txt": in_turn(
            battery.dump(), thermal.dump(), files.free(files.FOLDER), kernel.pressure(), kernel.processes_now()
        ),
        "getprop.txt": properties.printed(),
    }


def _ask(device: AdbDevice, pass_s: float, files: dict[str, bytes], check: Callable[[], None]) -> dict[str, str]:
    """Fill `files`; what could not be had, and why."""
    deadline = time.monotonic() + ALL_S
    device.send(life.nothing(), ALIVE_S)
    left_out = {}
    for name, line in questions(pass_s).items():
        check()
        left = deadline - time.monotonic()
        if left <= 0:
            left_out[name] = f"no time left of {ALL_S:g} s"
            continue
        told = device.send(end_of(line, FILE_BYTES), min(left, ONE_S), on_idle=check)
        files[name] = told.stdout
    return left_out
