"""What every request must pass before its handler sees it: the Host it was made for, the token, its scope, size and pace."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fastapi import HTTPException
from starlette.responses import Response

from farm.api.connections import HEADERS_BYTES, headers_too_large
from farm.api.entrance import cookie, login_address, same_origin, wants_page
from farm.api.messages import ForbiddenError, HostError, Problem, SlowError, TokenError, TooLargeError
from farm.api.needs import READING
from farm.errors import FarmError
from farm.scopes import allows

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from farm.api.needs import Needs
    from farm.store.tokens import Token

PACE = 4096
"""Bytes a second that a body must at least come at, once `read_timeout_s` are over."""


class Refused(HTTPException):
    """A FarmError in the middle of a body, past FastAPI's own handling of what goes wrong there."""

    def __init__(self, status: int, error: FarmError) -> None:
        super().__init__(status, error.message)
        self.error = error


def problem(error: FarmError, status: int, headers: dict[str, str] | None = None) -> Response:
    """The error as a JSON answer."""
    return Response(Problem.of(error).model_dump_json(), status, headers, media_type="application/json")


class Guard:
    """ASGI middleware: who is it? Handlers find `request.state.user`, and `scope` and `token` (its name) beside it.

    `find` gives the token of a text, `session` that of a browser's cookie; `needs` what the route asks for.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        hosts: Collection[str],
        find: Callable[[str], Token | None],
        session: Callable[[str], Token | None],
        needs: Callable[[Scope], Needs | None],
    ) -> None:
        self._app = app
        self._hosts = hosts
        self._find = find
        self._session = session
        self._needs = needs

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer what is wrong with it."""
        if scope["type"] != "http":
            return None
        headers = dict(scope["headers"])
        if len(scope["raw_path"]) + len(scope["query_string"]) + sum(map(_size, scope["headers"])) > HEADERS_BYTES:
            return await problem(headers_too_large(), 431)(scope, receive, send)  # h11 sees to those that come in parts
        host = headers.get(b"host", b"").decode("latin-1")
        if host.lower() not in self._hosts:
            known = ", ".join(sorted(self._hosts))
            error = HostError(f"this is not {host!r}", where="Host header", remedy=f"use {known}, or set api.names")
            return await problem(error, 421)(scope, receive, send)
        needs = self._needs(scope)
        state = scope.setdefault("state", {})
        state["needs"] = needs
        if needs is None or needs.scope is not None:
            try:
                token = self._who(scope["method"], headers)
            except TokenError as e:
                if wants_page(scope["method"], scope["path"], headers):
                    to_login = {"location": login_address(scope["path"], scope["query_string"].decode("latin-1"))}
                    return await Response(status_code=303, headers=to_login)(scope, receive, send)
                return await problem(e, 401, {"www-authenticate": "Bearer"})(scope, receive, send)
            except ForbiddenError as e:
                return await problem(e, 403)(scope, receive, send)
            except FarmError as e:  # the state file cannot be read
                return await problem(e, 503)(scope, receive, send)
            state.update(user=token.user, scope=token.scope, token=token.name)
        return await self._app(scope, receive, send)

    def _who(self, method: str, headers: Mapping[bytes, bytes]) -> Token:
        scheme, _, given = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
        where, token = "Authorization header", None
        if scheme:
            token = self._find(given.strip()) if scheme.lower() == "bearer" and given.strip() else None
        elif text := cookie(headers):
            where, token = "cookie", self._session(text)
            if token is not None and method not in READING and not same_origin(headers):
                raise ForbiddenError(
                    "the request does not come from a page of this lab", where="Origin header",
                    remedy="use the dashboard's own buttons, or a token",
                )  # fmt: skip
        if token is None:
            raise TokenError(
                "the token is missing or not known",
                where=where,
                remedy="the lab's own is the file `token` of its data folder; `farm token create` makes others",
            )
        if (state := token.state(time.time())) != "valid":
            raise TokenError(f"the token {token.name!r} is {state}", where=where, remedy="ask for a new one")
        return token


def _size(header: tuple[bytes, bytes]) -> int:
    return len(header[0]) + len(header[1]) + 4


@dataclass(frozen=True)
class Limits:
    """Of a request's body."""

    bytes: Callable[[str, str], int]
    """By method and path."""
    pause_s: float
    """Between two pieces of it."""


class Gate:
    """ASGI middleware inside Guard: may they do this, and is the body of a size and pace we take?"""

    def __init__(self, app: ASGIApp, *, limits: Limits) -> None:
        self._app = app
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer what is wrong with it."""
        needs: Needs | None = scope["state"]["needs"]
        if needs is not None and needs.scope is not None and not allows(scope["state"]["scope"], needs.scope):
            name, held = scope["state"]["token"], scope["state"]["scope"]
            error: FarmError = ForbiddenError(
                f"this needs the scope {needs.scope}; the token {name!r} has {held}",
                where=f"{scope['method']} {needs.route}",
                remedy=f"ask for a token made with `farm token create --scope {needs.scope}`",
            )
            return await problem(error, 403)(scope, receive, send)
        limit = self._limits.bytes(scope["method"], scope["path"])
        length = dict(scope["headers"]).get(b"content-length", b"0")
        if not length.isdigit() or int(length[:20]) > limit:
            return await problem(_too_large(limit), 413)(scope, receive, send)
        return await self._app(scope, _Body(receive, limit, self._limits.pause_s).receive, send)


class _Body:
    """A request's body as it comes in."""

    def __init__(self, receive: Receive, limit: int, pause_s: float) -> None:
        self._receive = receive
        self._limit = limit
        self._pause_s = pause_s
        self._began = time.monotonic()
        self._got = 0
        self._whole = False

    async def receive(self) -> Message:
        """The next piece.

        Raises:
            Refused: the body is too large or too slow.
        """
        if self._whole:  # what comes now is the end of the connection, and that may take its time
            return await self._receive()
        late = self._began + self._pause_s + self._got / PACE - time.monotonic()
        try:
            async with asyncio.timeout(max(0.0, min(self._pause_s, late))):
                message = await self._receive()
        except TimeoutError:
            raise Refused(
                408, SlowError("the body comes too slowly", remedy=f"send at least {PACE} bytes a second")
            ) from None
        self._got += len(message.get("body", b""))
        self._whole = not message.get("more_body", False)
        if self._got > self._limit:  # sent in chunks, without a length
            raise Refused(413, _too_large(self._limit))
        return message


def _too_large(limit: int) -> TooLargeError:
    return TooLargeError(
        f"the request is over {limit} bytes", remedy="send less; files: api.artifact_limit_mb in farm.toml"
    )
