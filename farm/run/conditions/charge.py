"""Batteries kept within a charge window by switching USB ports: a full battery on a charger for months swells.

Who has a port is in farm.toml: `[[device]] port = "3"`. The command is an argument list, never a shell's line.
"""

from __future__ import annotations

import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from farm.errors import InfrastructureError
from farm.loop import Loop

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from farm.fleet.device import Device
    from farm.sections.devices import Hub
    from farm.settings import Settings

    Note = Callable[[Iterable[tuple[str, str, str]]], None]
    """Keeps (serial, kind, detail) among the device's events."""

Action = Literal["on", "off"]


@dataclass(frozen=True)
class Port:
    """What a port was switched to, and when (time.monotonic())."""

    action: Action
    since: float


@dataclass(frozen=True)
class Switch:
    """What to do, and why."""

    action: Action
    reason: str


def decide(
    device: Device | None, port: Port | None, limits: Hub, now: float, *, leased: bool = False, wanted: bool = False
) -> Switch | None:
    """Whether to switch a port. `device`: as last seen, None when it is away; `port`: None before it was ever switched.

    Nothing is switched under a run: it would be another run's conditions. A device that is `wanted` by a queued run and does
    not answer is powered, and so is one that has not been looked at for `hub.rest_s`: without power it may be gone from USB.
    """
    if leased:
        return None
    there = device is not None and device.state == "device"
    level = device.battery if device is not None and there else None
    if level is not None:
        if level >= limits.charge_to and (port is None or port.action == "on"):
            return Switch("off", f"battery at {level} %, charged to {limits.charge_to} %")
        if level <= limits.charge_from and (port is None or port.action == "off"):
            return Switch("on", f"battery at {level} %, charged from {limits.charge_from} %")
    if port is None:
        return Switch("on", "not known how it was left")
    if port.action == "off" and not there:
        if wanted:
            return Switch("on", "a run waits for it")
        if now - port.since >= limits.rest_s:
            return Switch("on", f"not looked at for {now - port.since:.0f} s")
    return None


def run(command: Sequence[str], port: str, action: Action, deadline_s: float) -> None:
    """Have the hub's program switch a port.

    Raises:
        InfrastructureError: it cannot be run, failed, or took longer than its deadline.
    """
    argv = [word.replace("{port}", port).replace("{action}", action) for word in command]
    try:
        done = subprocess.run(
            argv, capture_output=True, text=True, errors="replace", timeout=deadline_s, check=False,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except subprocess.TimeoutExpired as e:
        raise _failed(argv, f"no end after {deadline_s:g} s") from e
    except OSError as e:
        raise _failed(argv, e.strerror or str(e)) from e
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise _failed(argv, f"status {done.returncode}: {said[-1][:200] if said else 'it said nothing'}")


class Care:
    """The thread that looks and switches. All ports are on again when it ends: nobody would watch the batteries."""

    def __init__(
        self,
        settings: Settings,
        *,
        devices: Callable[[], Sequence[Device]],
        leased: Callable[[], frozenset[str]],
        wanted: Callable[[], set[str]],
        note: Note,
        report_bug: Callable[[str, str], object],
    ) -> None:
        self._limits = settings.hub
        self._of = {d.serial: d.port for d in settings.device if d.port} if settings.hub.command else {}
        self._devices = devices
        self._leased = leased
        self._wanted = wanted
        self._note = note
        self._ports: dict[str, Port] = {}
        self._failing: set[str] = set()
        self._loop = Loop("charge", self.step, settings.hub.look_s, report_bug)

    def start(self) -> None:
        """Begin, if any device has a port."""
        if self._of:
            self._loop.start()

    def stop(self, within_s: float) -> None:
        """End; every port that is off is switched on."""
        self._loop.stop(within_s)
        for serial, port in list(self._ports.items()):
            if port.action == "off":
                self._switch(serial, Switch("on", "the daemon ends"))

    def step(self) -> None:
        """Look once, and switch what is to be switched."""
        seen = {device.serial: device for device in self._devices()}
        leased, wanted = self._leased(), self._wanted()
        for serial in self._of:
            found = decide(
                seen.get(serial), self._ports.get(serial), self._limits, time.monotonic(),
                leased=serial in leased, wanted=serial in wanted,
            )  # fmt: skip
            if found is not None and not self._loop.stopping:
                self._switch(serial, found)

    def _switch(self, serial: str, what: Switch) -> None:
        try:
            run(self._limits.command, self._of[serial], what.action, self._limits.deadline_s)
        except InfrastructureError as e:
            if serial not in self._failing:  # once, not every minute
                self._note([(serial, "hub failed", str(e))])
            self._failing.add(serial)
            return
        self._failing.discard(serial)
        self._ports[serial] = Port(what.action, time.monotonic())
        self._note([(serial, f"power {what.action}", what.reason)])


def _failed(argv: Sequence[str], why: str) -> InfrastructureError:
    return InfrastructureError(
        why, where=f"hub: {' '.join(argv)[:200]}", remedy="run it by hand; see [hub] in farm.toml"
    )
