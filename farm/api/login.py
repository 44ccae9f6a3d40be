"""Routes by which browsers come in and leave."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated

from fastapi import Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.concurrency import run_in_threadpool

from farm.api.entrance import LOGIN, SESSION_S, cookie, cookie_name, local, same_origin
from farm.api.form import fields
from farm.api.messages import ForbiddenError, NewLogin
from farm.api.needs import needs
from farm.pages import render
from farm.pages.login import Login
from farm.pages.view import Visit

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastapi import FastAPI

    from farm.daemon import Daemon

Text = Annotated[str, Query(max_length=2000)]
UNKNOWN = "This token is not known, has expired or was revoked."
OVER = "This link was used already, or is older than a minute."


def add(app: FastAPI, daemon: Daemon) -> None:
    """Add them to the application."""
    entrance = daemon.door.entrance

    @app.post("/api/logins", status_code=201, **needs("read", "login"))
    def login_code(request: Request) -> NewLogin:
        """A code that lets one browser in for the caller's token, once, within a minute."""
        return entrance.code(request.state.token)

    @app.get(LOGIN, include_in_schema=False, **needs(None))
    def form(
        request: Request, code: Text = "", next_: Annotated[str, Query(alias="next", max_length=2000)] = "/"
    ) -> Response:
        """The login; with a code of `POST /api/logins` it is done at once."""
        if not code:
            return shown(next_)
        return let_in(request, next_, OVER, lambda address: entrance.redeem(code, address))

    @app.post(LOGIN, include_in_schema=False, **needs(None, "-"))
    async def log_in(request: Request) -> Response:
        """Log in with a token."""
        if not same_origin(dict(request.scope["headers"])):
            raise ForbiddenError("this form is not ours", where="Origin header", remedy=f"open {LOGIN} and try again")
        given = fields(await request.body())
        token, next_ = given.get("token", "").strip(), given.get("next", "/")
        return await run_in_threadpool(let_in, request, next_, UNKNOWN, lambda address: entrance.log_in(token, address))

    @app.post("/logout", include_in_schema=False, **needs(None, "-"))
    def log_out(request: Request) -> Response:
        """End the browser's session."""
        headers = dict(request.scope["headers"])
        if not same_origin(headers):
            raise ForbiddenError("this form is not ours", where="Origin header", remedy="use the page's own button")
        entrance.log_out(cookie(headers))
        answer = RedirectResponse(LOGIN, 303)
        answer.delete_cookie(cookie_name(request.headers["host"]))
        return answer

    def shown(next_: str, problem: str = "", status: int = 200, wait_s: float = 0.0) -> Response:
        text = render.page(Login(next=local(next_), problem=problem), Visit(path=LOGIN))
        headers = {"retry-after": str(math.ceil(wait_s))} if wait_s else None
        return HTMLResponse(text, status, headers)

    def let_in(request: Request, next_: str, problem: str, opened: Callable[[str], str | None]) -> Response:
        address = request.client.host if request.client is not None else ""
        if wait := entrance.wait(address):
            return shown(next_, f"Too many wrong attempts: try again in {math.ceil(wait)} s.", 429, wait)
        session = opened(address)
        token = entrance.find(session) if session is not None else None
        if session is None or token is None:
            return shown(next_, problem, 401)
        audit = daemon.door.audit
        audit.end(audit.begin(token.user, token.name, "browser login", address), address, 303)
        answer = RedirectResponse(local(next_), 303)
        answer.set_cookie(
            cookie_name(request.headers["host"]), session, max_age=int(SESSION_S), httponly=True, samesite="strict",
            secure=request.url.scheme == "https",
        )  # fmt: skip
        return answer
