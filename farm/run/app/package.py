"""An app on a device: whether it is there, how it starts, whether it lives, what its log says."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from farm.errors import AppError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from farm.fleet.adb import AdbDevice

DEADLINE_S = 30.0
START_S = 60.0
"""`am start -W` waits for the first frame of the app's screen."""
LAUNCHER = "android.intent.category.LAUNCHER"
LOG_LINES = 1000
"""Looked through for those of a process."""
BENCH = "dev.exray.bench"
"""The farm's own app."""
START = re.compile(r"ActivityManager: Start proc (\d+):([A-Za-z0-9_.]+)")


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
        if not self.device.shell(["pm", "path", self.name], DEADLINE_S).text.startswith("package:"):
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
        command = ["cmd", "package", "resolve-activity", "--brief", "-c", LAUNCHER, self.name]
        found = self.device.shell(command, DEADLINE_S).text.strip().rpartition("\n")[2]
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
        words = [word for name, value in extras.items() for word in ("--es", name, value)]
        done = self.device.shell(["am", "start", "-S", "-W", "-n", component, *words], START_S)
        said = (done.stdout + done.stderr).decode("utf-8", "replace")
        lines = [line.strip() for line in said.splitlines()]
        bad = [line for line in lines if line.startswith(("Error", "java.lang.", "Exception"))]
        if bad or done.exit_code:
            why = " ".join(bad)[:300] or f"am ended with {done.exit_code}"
            raise AppError(
                f"cannot be started: {why}", where=f"{self.where}: {component}",
                remedy="name an activity that is exported: --activity .MainActivity",
            )  # fmt: skip

    def stop(self) -> None:
        """End all its processes."""
        self.device.shell(["am", "force-stop", self.name], DEADLINE_S)

    def pid(self) -> int | None:
        """Of its main process; None where there is none."""
        first = self.device.shell(["pidof", self.name], DEADLINE_S).text.partition(" ")[0]
        return int(first) if first.isdigit() else None

    def log(self) -> str:
        """The end of what logcat has of its last process, and of what became of it; empty where it tells nothing."""
        command = ["logcat", "-d", "-v", "threadtime", "-t", str(LOG_LINES)]
        return log_of(self.name, self.device.shell(command, DEADLINE_S).text)


def end_bench(device: AdbDevice) -> None:
    """Have the farm's own app end, where it is at work."""
    if device.shell(["pidof", BENCH, f"{BENCH}:agent"], DEADLINE_S).text.strip():
        Package(device, BENCH).stop()


def log_of(package: str, text: str) -> str:
    """Of a log in the format threadtime, the lines by or about the process of a package that was started last."""
    lines = text.splitlines()
    begun = [(i, found[1]) for i, line in enumerate(lines) if (found := START.search(line)) and found[2] == package]
    if not begun:
        return "\n".join(line for line in lines if package in line)
    first, pid = begun[-1]
    about = re.compile(rf"\b{re.escape(package)}\b|\b[Pp](?:rocess|id) {pid}\b")
    mine = [line for line in lines[first:] if line[18:].split(None, 1)[:1] == [pid] or about.search(line)]
    return "\n".join(mine)
