"""What a route asks of its caller, said beside the route: `@app.get("/api/jobs", **needs("read"))`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fastapi.routing import APIRoute
from starlette.routing import Match

from farm.api.messages import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from starlette.routing import BaseRoute
    from starlette.types import Scope as Request

    from farm.scopes import Scope

SCOPE, ACTION = "x-farm-scope", "x-farm-action"
READING = frozenset({"GET", "HEAD"})
STATUSES = {
    400: "the request is wrong",
    401: "the token is missing, not known, expired or revoked",
    403: "the token's scope is too small",
    404: "there is no such thing",
    409: "it is in the way of what is there",
    408: "the request came too slowly",
    413: "the body is too large",
    421: "made for another host",
    422: "parameters or body do not fit the schema",
    500: "a bug of the farm",
    503: "the lab cannot do it now",
}
REF = "#/components/schemas/"
PROBLEMS: dict[int | str, Any] = {
    status: {"description": text, "content": {"application/json": {"schema": {"$ref": REF + Problem.__name__}}}}
    for status, text in STATUSES.items()
}
"""By reference: of a model, FastAPI makes a validator for each of them on each route, most of what a daemon's start took."""


@dataclass(frozen=True)
class Needs:
    """Of one route. A route that says nothing needs `admin`."""

    route: str
    """Its path, with the parameters' names."""
    scope: Scope | None
    """None: open to everybody."""
    action: str
    """The word of the audit log; empty for what changes nothing."""
    subject: str
    """What it is about, from the path: `job 12`."""


def needs(scope: Scope | None, action: str = "", *, answers: Mapping[int, Any] | None = None) -> dict[str, Any]:
    """Keywords of a FastAPI route: the smallest scope let in (None: no token is asked for) and the audit log's word for it.

    Left out, `action` is the handler's name for all methods but GET; `-` is for a POST that changes nothing. `answers` are
    OpenAPI's words on answers that are not of the handler's own type.
    """
    return {
        "openapi_extra": {SCOPE: scope, ACTION: action} | ({"security": []} if scope is None else {}),
        "responses": PROBLEMS | dict(answers or {}),
    }


def file_of(media_type: str) -> dict[int, Any]:
    """`answers` of a route that gives a file."""
    schema = {"type": "string"} | ({} if media_type.startswith("text/") else {"format": "binary"})
    return {200: {"description": "the file", "content": {media_type: {"schema": schema}}}}


def declared(route: BaseRoute) -> bool:
    """Whether the route says what it needs."""
    return isinstance(route, APIRoute) and SCOPE in (route.openapi_extra or {})


def find(routes: Iterable[BaseRoute], request: Request) -> Needs | None:
    """What the route that will answer needs; None when none will."""
    for route in routes:
        match, found = route.matches(request)
        if match is Match.FULL:
            return _of(route, request["method"], found.get("path_params", {}))
    return None


def allowed(routes: Iterable[BaseRoute], request: Request) -> list[str]:
    """The methods of the address."""
    found = [route for route in routes if route.matches(request)[0] is not Match.NONE]
    return sorted({method for route in found for method in getattr(route, "methods", None) or ()})


def _of(route: BaseRoute, method: str, given: Mapping[str, object]) -> Needs:
    subject = " ".join(f"{name} {value}"[:100] for name, value in given.items())
    path = getattr(route, "path", "")
    name = getattr(route, "name", "") or path
    if not isinstance(route, APIRoute) or not declared(route):
        return Needs(path, "admin", "" if method in READING else name, subject)
    extra = route.openapi_extra or {}
    action = extra[ACTION] or ("" if method in READING else name)
    return Needs(path, extra[SCOPE], "" if action == "-" else action, subject)
