"""What runs next, and where: pure functions of what is queued, what is attached and what is held."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from farm.fleet.device import Device
    from farm.store.rows import Lease, QueuedRun


@dataclass(frozen=True)
class Assignment:
    """A run that may start now, on this device."""

    run: QueuedRun
    device: Device


def schedule(
    queued: Iterable[QueuedRun], devices: Sequence[Device], leases: Iterable[Lease], now: float
) -> list[Assignment]:
    """Give each free device in state `device` the oldest run that waits for it: by job, then by run.

    A device is free when no lease on it is alive at `now` (CLOCK_MONOTONIC, seconds). A run that was tried before keeps its
    place, and a run never waits for another device's run, so nothing starves.
    """
    held = {lease.serial for lease in leases if lease.expires > now}
    free = {d.serial: d for d in devices if d.state == "device" and d.serial not in held}
    assignments = []
    for run in sorted(queued, key=lambda r: (r.job, r.id)):
        device = free.pop(run.serial, None)
        if device is not None:
            assignments.append(Assignment(run, device))
    return assignments


def overdue(queued: Iterable[QueuedRun], away_since: Mapping[str, float], now: float, wait_s: float) -> list[QueuedRun]:
    """The runs whose device has been away for `wait_s` seconds or more."""
    return [run for run in queued if now - away_since.get(run.serial, now) >= wait_s]
