"""Where the agent of a pass runs, and its files with it.

Here as a program of the shell's; in farm/run/app/bench.py inside the farm's app.
"""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from farm.errors import FarmError
from farm.fleet.adb import PushItem
from farm.run import passes, stage
from farm.run.app import package

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from farm.fleet.adb import AdbDevice
    from farm.run.passes import Pass
    from farm.run.stage import Blob
    from farm.run.steps import Row
    from farm.submission import Context, Submission


class Seat(ABC):
    """One device's, for one run. Every method may raise what AdbDevice raises."""

    context: Context
    lock: str
    """The file that one agent of this seat holds."""
    folder: str
    """Where files are that have a name of their own, on the device; it goes with the run."""

    @abstractmethod
    def path(self, blob: Blob) -> str:
        """Where a staged file is for the agent."""

    @abstractmethod
    def listing(self, title: str, rows: Sequence[Row]) -> str:
        """Write a pass's frame list; where it is."""

    @abstractmethod
    def capture(self, title: str) -> str:
        """Where a pass writes its capture."""

    @abstractmethod
    def run(
        self,
        work: Pass,
        submission: Submission,
        progress: Callable[[int, int], None],
        check: Callable[[], None],
        heard: Callable[[bytes], None],
    ) -> None:
        """One pass to its end, as `passes.run` has it."""

    @abstractmethod
    def pull(self, remote: str, local: Path) -> int:
        """Bring a capture home; its size, 0 where there is none."""

    def rescue(self, remote: str, local: Path) -> bool:
        """Try to bring home what a failed pass left; whether anything came."""
        with contextlib.suppress(FarmError):
            self.pull(remote, local)
        return local.is_file() and local.stat().st_size > 0


class ShellSeat(Seat):
    """The agent as a program under /data/local/tmp, run by adb's shell."""

    context = "shell"
    lock = f"{stage.FOLDER}/agent.lock"

    def __init__(self, device: AdbDevice, folder: str) -> None:
        self._device = device
        self.folder = folder
        package.end_bench(device)  # a lab that is gone may have left it at work, and the lock is not its

    def path(self, blob: Blob) -> str:
        """In the cache of staged files."""
        return blob.remote

    def listing(self, title: str, rows: Sequence[Row]) -> str:
        """In the run's folder, as is the capture."""
        remote, content = f"{self.folder}/{title}.frames", passes.frame_list(rows, self.path)
        self._device.push([PushItem(remote, lambda: [content])], stage.DEADLINE_S)
        return remote

    def capture(self, title: str) -> str:
        """In the run's folder."""
        return f"{self.folder}/{title}.mcap"

    def run(
        self,
        work: Pass,
        submission: Submission,
        progress: Callable[[int, int], None],
        check: Callable[[], None],
        heard: Callable[[bytes], None],
    ) -> None:
        """The agent's command line."""
        passes.run(self._device, work, submission, progress, check, heard)

    def pull(self, remote: str, local: Path) -> int:
        """Through adb's sync."""
        return passes.pull(self._device, remote, local)
