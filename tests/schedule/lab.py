"""A daemon with schedules: the lab of tests/daemon, whose clock does not wait for devices to settle."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from farm.schedule.schedule import Schedule
from farm.sections.schedule import Nightlies
from farm.settings import Api, Runs, Settings
from farm.store import schedules
from tests.daemon.lab import daemon, submission

if TYPE_CHECKING:
    from farm.store.database import Database
    from farm.store.schedules import Row
    from farm.submission import Submission

CLOCK = Nightlies(settle_s=0, look_s=0.2)
NEVER = "0 0 1 1 *"


def settings(data: Path, port: int = 8377, **more: Any) -> Settings:
    runs = Runs(retry_s=0.05, drain_s=0.2)
    return Settings(data=data, api=Api(port=port, artifact_limit_mb=1), run=runs, nightlies=CLOCK, **more)


def schedule(name: str = "nightly", cron: str = NEVER, **more: Any) -> Schedule:
    return Schedule.model_validate({"name": name, "cron": cron, "zone": "UTC", **more})


def due(database: Database, made: Schedule, asked: Submission | None = None, ago_s: float = 1.0) -> Row:
    """A schedule that was due a moment ago."""
    row = schedules.add(database, made, "command", time.time() - ago_s, asked or submission())
    assert row is not None
    return row


def main() -> None:
    """`DATA PORT`: be the daemon until killed."""
    from farm import client

    data, port = sys.argv[1:]
    client.serve(settings(Path(data), int(port)), make_daemon=daemon, started=lambda url: print(url, flush=True))


if __name__ == "__main__":
    main()
