"""What every request must pass before it is read: the Host it was made for, the token, the size of its body."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException
from starlette.responses import Response

from farm.api.messages import HostError, Problem, TokenError, TooLargeError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from farm.errors import FarmError

OPEN = frozenset({"/api/health"})


def problem(error: FarmError, status: int) -> Response:
    """The error as a JSON answer."""
    return Response(Problem.of(error).model_dump_json(), status, media_type="application/json")


class Guard:
    """ASGI middleware. `knows_token` is asked for each request; `limit` gives the bytes a request's body may have."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        hosts: Collection[str],
        knows_token: Callable[[str], bool],
        limit: Callable[[str, str], int],
    ) -> None:
        self._app = app
        self._hosts = hosts
        self._knows_token = knows_token
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer what is wrong with it."""
        if scope["type"] != "http":
            return None
        headers = {name.lower(): value for name, value in scope["headers"]}
        host = headers.get(b"host", b"").decode("latin-1")
        if host.lower() not in self._hosts:
            error: FarmError = HostError(
                f"this is not {host!r}", where="Host header", remedy=f"use one of {', '.join(sorted(self._hosts))}"
            )
            return await problem(error, 421)(scope, receive, send)
        scheme, _, given = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
        if scope["path"] not in OPEN and not (scheme.lower() == "bearer" and self._knows_token(given.strip())):
            error = TokenError(
                "the token is missing or not known", where="Authorization header", remedy="it is in data/token"
            )
            return await problem(error, 401)(scope, receive, send)
        limit = self._limit(scope["method"], scope["path"])
        length = headers.get(b"content-length", b"0")
        if not length.isdigit() or int(length[:20]) > limit:
            return await problem(_too_large(limit), 413)(scope, receive, send)
        got = 0

        async def counted() -> Message:
            nonlocal got
            message = await receive()
            got += len(message.get("body", b""))
            if got > limit:  # sent in chunks, without a length
                raise HTTPException(413, _too_large(limit).message)
            return message

        return await self._app(scope, counted, send)


def _too_large(limit: int) -> TooLargeError:
    return TooLargeError(
        f"the request is over {limit} bytes", remedy="send less; files: api.artifact_limit_mb in farm.toml"
    )
