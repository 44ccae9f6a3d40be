"""The pages and routes that look into recordings, over one shelf of them."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from farm.api import compare_pages, job_pages, regressions

if TYPE_CHECKING:
    from fastapi import FastAPI

    from farm.daemon import Daemon
    from farm.pages.shelf import Shelf


def add(app: FastAPI, daemon: Daemon) -> None:
    """Add them to the application. The shelf brings what runs need, so it is made when it is first asked for."""

    @functools.cache
    def shelf() -> Shelf:
        from farm.pages.shelf import Shelf

        return Shelf(daemon.artifacts, daemon.data / "references")

    job_pages.add(app, daemon, shelf)
    compare_pages.add(app, daemon, shelf)
    regressions.add(app, daemon, shelf)
