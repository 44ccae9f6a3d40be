"""Route of retention: what goes when the disk has to last."""

from __future__ import annotations

from typing import TYPE_CHECKING

from farm.api.messages import Removed
from farm.api.needs import needs

if TYPE_CHECKING:
    from fastapi import FastAPI

    from farm.daemon import Daemon


def add(app: FastAPI, daemon: Daemon) -> None:
    """Add the route to the application."""

    @app.post("/api/gc", **needs("admin", "remove files"))
    def collect(*, dry_run: bool = False) -> Removed:
        """Remove what farm.toml's [retention] says, now; or only say what that would be."""
        done = daemon.upkeep.collect(dry_run=dry_run)
        return Removed(dry_run=dry_run, **vars(done))
