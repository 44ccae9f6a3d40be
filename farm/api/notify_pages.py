"""The page of messages to people, and its button."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import Request  # noqa: TC002  # FastAPI reads the annotations
from fastapi.responses import HTMLResponse

from farm.api.needs import needs
from farm.api.page import ALWAYS_NEW, page
from farm.pages import render
from farm.pages.notify import Messages
from farm.pages.view import Visit
from farm.scopes import allows

if TYPE_CHECKING:
    from fastapi import FastAPI

    from farm.daemon import Daemon
    from farm.notify.trial import Trial

SHOWN = 50


def add(app: FastAPI, daemon: Daemon) -> None:
    """Add them to the application."""

    def view(request: Request, trials: tuple[Trial, ...] = ()) -> Messages:
        may_send = allows(request.state.scope, "operate")
        return Messages(told=daemon.notify.view(SHOWN), trials=trials, may_send=may_send)

    @page(app, "/notify")
    def messages(request: Request) -> Messages:
        return view(request)

    @app.post("/notify/test", include_in_schema=False, **needs("operate", "send a test message"))
    def try_it(request: Request) -> HTMLResponse:
        """As the button of the page does: the page again, with how each address took it."""
        found = view(request, tuple(daemon.notify.test()))
        visit = Visit(path="/notify", user=request.state.user, twin="/notify.json")
        return HTMLResponse(render.page(found, visit), headers=ALWAYS_NEW)
