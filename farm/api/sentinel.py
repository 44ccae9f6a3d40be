"""The sentinel's route."""

from __future__ import annotations

from typing import TYPE_CHECKING

from farm.api.needs import needs
from farm.report.document import Watch  # noqa: TC001  # FastAPI reads the annotations

if TYPE_CHECKING:
    from fastapi import FastAPI

    from farm.daemon import Daemon


def add(app: FastAPI, daemon: Daemon) -> None:
    """Add it to the application."""

    @app.get("/api/sentinel", **needs("read"))
    def sentinel() -> list[Watch]:
        """Each device against its own nights before."""
        return daemon.sentinel.watches()

    @app.post("/api/sentinel", status_code=201, **needs("operate"))
    def run_sentinel() -> int:
        """Run the golden model now on every device that takes runs; the job's number."""
        return daemon.sentinel.run()
