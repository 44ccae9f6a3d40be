"""Whether the lab can work: adb servers, disk, scheduler. Liveness is another question: /api/health."""

from __future__ import annotations

import shutil
import time
from typing import TYPE_CHECKING

from farm.api.messages import Check, Ready
from farm.errors import FarmError
from farm.fleet.hosts import servers

if TYPE_CHECKING:
    from collections.abc import Callable

    from farm.settings import Settings

ADB_S = 3.0
"""For an adb server to list its devices."""
SILENT_S = 10.0
"""A scheduler that looked at nothing for so long hangs; it looks twice a second."""


def ready(settings: Settings, last_look: Callable[[], float | None]) -> Ready:
    """Ask now. `last_look` is when the scheduler last looked at the devices, on CLOCK_MONOTONIC; None: it was not started."""
    checks = (*_adb(settings), _disk(settings), _scheduler(last_look()))
    return Ready(ready=all(check.ok for check in checks), checks=checks)


def _adb(settings: Settings) -> list[Check]:
    checks = []
    for name, server in servers(settings).items():
        check = f"adb {name}".strip()
        try:
            found = server.states(ADB_S)
            checks.append(Check(name=check, ok=True, message=f"{server.where} lists {len(found)} devices"))
        except FarmError as e:
            remedy = e.remedy or "look at that server; `adb devices` should answer"
            checks.append(Check(name=check, ok=False, message=str(e), remedy=remedy))
    return checks


def _disk(settings: Settings) -> Check:
    free, floor = shutil.disk_usage(settings.data).free >> 20, settings.api.disk_floor_mb
    return Check(
        name="disk",
        ok=free >= floor,
        message=f"{free} MiB free, at least {floor} wanted",
        remedy="" if free >= floor else f"free some space at {settings.data}, or lower api.disk_floor_mb",
    )


def _scheduler(last: float | None) -> Check:
    if last is None:
        return Check(name="scheduler", ok=True, message="not started: nobody waits for a job")
    silent = time.monotonic() - last
    ok = silent < SILENT_S
    return Check(
        name="scheduler",
        ok=ok,
        message=f"last looked {silent:.1f} s ago",
        remedy="" if ok else "see `bugs/` in the data folder, then start the daemon again",
    )
