"""An app on a device: whether it is there, how it starts, whether it lives, what its log says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from farm.android.commands import logs, packages
from farm.builds import BENCH
from farm.errors import AppError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from farm.fleet.adb import AdbDevice

DEADLINE_S = 30.0
START_S = 60.0
"""`am start -W` waits for the first frame of the app's screen."""
LOG_LINES = 1000
"""Looked through for those of a process."""


@dataclass(frozen=True)
class Package:
    """One. Every method may raise what AdbDevice raises."""

    device: AdbDevice
    name: str

    @property
    def where(self) -> str:
        """For messages."""
        return f"{self.device.serial}: {self.name}"

    def demand(self) -> None:
        """See that it is installed.

        Raises:
            AppError: it is not.
        """
        if not self.device.ask(packages.paths(self.name), DEADLINE_S):
            raise AppError(
                "is not installed",
                where=self.where,
                remedy=f"adb install it, or see pm list packages on {self.device.serial}",
            )

    def launcher(self) -> str:
        """PACKAGE/ACTIVITY that the launcher would start.

        Raises:
            AppError: there is none, or several.
        """
        found = self.device.ask(packages.launcher(self.name), DEADLINE_S)
        if not found.startswith(f"{self.name}/"):
            raise AppError(
                f"has no activity of the launcher's ({found or 'no answer'})", where=self.where,
                remedy="name one: --activity .MainActivity",
            )  # fmt: skip
        return found

    def start(self, component: str, extras: Mapping[str, str]) -> None:
        """Start an activity, in a process of its own, with extras of type string.

        Raises:
            AppError: Android refused, in its own words.
        """
        why = self.device.ask(packages.start(component, extras), START_S)
        if why:
            raise AppError(
                f"cannot be started: {why}", where=f"{self.where}: {component}",
                remedy="name an activity that is exported: --activity .MainActivity",
            )  # fmt: skip

    def stop(self) -> None:
        """End all its processes."""
        self.device.ask(packages.stop(self.name), DEADLINE_S)

    def pid(self) -> int | None:
        """Of its main process; None where there is none."""
        return self.device.ask(packages.pid(self.name), DEADLINE_S)

    def log(self) -> str:
        """The end of what logcat has of its last process, and of what became of it; empty where it tells nothing."""
        return logs.log_of(self.name, self.device.ask(logs.last(LOG_LINES), DEADLINE_S))


def end_bench(device: AdbDevice) -> None:
    """Have the farm's own app end, where it is at work."""
    if device.ask(packages.pid(BENCH, f"{BENCH}:agent"), DEADLINE_S) is not None:
        Package(device, BENCH).stop()
