"""The pages of the fleet and of its devices."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated

from fastapi import Path as InPath
from fastapi import Query

from farm.api.messages import NotFoundError
from farm.api.page import page
from farm.pages import device as device_pages
from farm.pages import fleet as fleet_views
from farm.pages.device import DevicePage, device_page
from farm.pages.device_line import DeviceLine, line
from farm.pages.fleet import Fleet, fleet
from farm.queue.sentinel import judge
from farm.store import sentinels, utilization
from farm.store.device_runs import device_runs

if TYPE_CHECKING:
    from fastapi import FastAPI

    from farm.daemon import Daemon

Words = Annotated[str, Query(max_length=200)]
Serial = Annotated[str, InPath(min_length=1, max_length=200)]


def add(app: FastAPI, daemon: Daemon) -> None:
    """Add them to the application."""

    @page(app, "/fleet")
    def the_fleet(q: Words = "", condition: Words = "") -> Fleet:
        now = time.time()
        days = beginnings(now, fleet_views.DAYS)
        found = device_lines(daemon)
        busy = utilization.busy(daemon.state, [d.serial for d in found], days, now)
        return fleet(found, busy, days, daemon.sentinel.watched(), q=q, condition=condition)

    @page(app, "/fleet/{serial}")
    def the_device(serial: Serial) -> DevicePage:
        found = next((d for d in device_lines(daemon) if serial in {d.serial, d.name}), None)
        known = found.serial if found is not None else serial
        row, now = daemon.known.get(known), time.time()
        if found is None and row is None:
            raise NotFoundError("there is no such device", where=f"device {serial}", remedy="see /fleet")
        nights = sentinels.nights(daemon.state, serial=known).get(known, [])
        days = beginnings(now, device_pages.DAYS)
        return device_page(
            known,
            found,
            row,
            device_runs(daemon.state, known, device_pages.RUNS),
            daemon.known.events(known, device_pages.EVENTS),
            nights,
            judge(nights) if nights else None,
            days,
            utilization.busy(daemon.state, [known], days, now).get(known, []),
        )


def device_lines(daemon: Daemon) -> list[DeviceLine]:
    """Every device as last seen, with the run that holds it."""
    held = {lease.serial: lease for lease in daemon.state.leases()}
    lines = []
    for device in daemon.seen():
        lease = held.get(device.serial)
        lines.append(line(device, lease.run, lease.job) if lease is not None else line(device))
    return lines


def beginnings(now: float, days: int) -> list[float]:
    """When the last so many days began here, the oldest first, Unix seconds; a day may have 23 or 25 hours."""
    today = datetime.fromtimestamp(now).replace(hour=0, minute=0, second=0, microsecond=0)
    return [(today - timedelta(days=back)).timestamp() for back in reversed(range(days))]
