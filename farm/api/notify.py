"""Routes of messages to people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import Query
from pydantic import Field
from pydantic.json_schema import SkipJsonSchema

from farm.api.needs import needs
from farm.notify.trial import Trial  # noqa: TC001  # FastAPI reads the annotations
from farm.notify.view import DigestView, NotifyView  # noqa: TC001  # FastAPI reads the annotations

if TYPE_CHECKING:
    from fastapi import FastAPI

    from farm.daemon import Daemon

Night = Annotated[int, Field(ge=1, le=2**53)] | SkipJsonSchema[None]


def add(app: FastAPI, daemon: Daemon) -> None:
    """Add them to the application."""

    @app.get("/api/notify", **needs("read"))
    def told(limit: Annotated[int, Query(ge=1, le=1000)] = 50) -> NotifyView:
        """Who is told, and what of late."""
        return daemon.notify.view(limit)

    @app.post("/api/notify/test", **needs("operate", "send a test message"))
    def test_notify() -> list[Trial]:
        """Send a real message to every address, and say how each took it."""
        return daemon.notify.test()

    @app.get("/api/notify/digest", **needs("read"))
    def digest(night: Night = None) -> DigestView:
        """What the digest would say now; or what that of one night says."""
        return daemon.notify.digest(night)

    @app.post("/api/notify/digest", status_code=201, **needs("operate", "send a digest"))
    def send_digest(night: Night = None) -> DigestView:
        """Put it on its way now; the next digest says the same again."""
        return daemon.notify.send(night)
