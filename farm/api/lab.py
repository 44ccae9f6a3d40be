"""Routes of the lab as a whole: is it alive, what happens in it, its figures, who may come in and who did what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import Header, Query, Request, Response
from fastapi import Path as InPath
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic.json_schema import SkipJsonSchema  # noqa: TC002  # FastAPI reads the annotations
from sse_starlette import EventSourceResponse
from starlette.responses import JSONResponse

from farm.api.messages import (
    NAME,
    AuditLine,
    Health,
    LabEvent,
    Message,
    NewToken,
    Ready,
    TokenRequest,
    TokenView,
)
from farm.api.needs import REF, needs

if TYPE_CHECKING:
    from fastapi import FastAPI

    from farm.daemon import Daemon

PING_S = 5
WORD = {"type": "string"}
TokenName = Annotated[str, InPath(pattern=NAME)]


def stream_of(model: type[Message], words: str) -> dict[int, object]:
    """OpenAPI's words on a stream whose events' data are a model's JSON."""
    data = {"type": "string", "contentMediaType": "application/json", "contentSchema": {"$ref": REF + model.__name__}}
    event = {"type": "object", "required": ["data"], "properties": {"data": data, "event": WORD, "id": WORD}}
    return {200: {"description": words, "content": {"text/event-stream": {"schema": event}}}}


def add(app: FastAPI, daemon: Daemon) -> None:
    """Add the routes to the application."""
    _add_state(app, daemon)

    @app.post("/api/tokens", status_code=201, **needs("admin"))
    def create_token(asked: TokenRequest, request: Request) -> NewToken:
        """Make a token; its text is in this answer only."""
        request.state.subject = f"{asked.name} of {asked.user}, {asked.scope}"
        return daemon.door.create(asked)

    @app.get("/api/tokens", **needs("admin"))
    def tokens() -> list[TokenView]:
        """All tokens, the newest first, without their texts."""
        return daemon.door.tokens()

    @app.delete("/api/tokens/{name}", **needs("admin"))
    def revoke_token(name: TokenName) -> TokenView:
        """End a token for good."""
        return daemon.door.revoke(name)

    @app.get("/api/audit", **needs("admin"))
    def audit(limit: Annotated[int, Query(ge=1, le=10_000)] = 50) -> list[AuditLine]:
        """Who changed, or tried to change, what; the newest first."""
        return daemon.door.lines(limit)


def _add_state(app: FastAPI, daemon: Daemon) -> None:
    @app.get("/api/health", **needs(None))
    def health() -> Health:
        """Whether anybody is there. Needs no token."""
        return daemon.health()

    @app.get("/api/ready", **needs("read", answers={503: {"model": Ready, "description": "a check does not hold"}}))
    def ready(response: Response) -> Ready:
        """Whether the lab can work: adb servers, disk, scheduler."""
        found = daemon.ready()
        response.status_code = 200 if found.ready else 503
        return found

    @app.get(
        "/metrics",
        response_class=Response,
        **needs("read", answers={200: {"description": "figures", "content": {CONTENT_TYPE_LATEST: {}}}}),
    )
    def metrics() -> Response:
        """The lab's figures in Prometheus' text format."""
        return Response(daemon.metrics.text(), media_type=CONTENT_TYPE_LATEST)

    @app.get(
        "/api/events",
        response_class=Response,
        **needs("read", answers=stream_of(LabEvent, "first where everything stands, then each change")),
    )
    async def lab_events(
        *,
        follow: bool = True,
        last: Annotated[int | SkipJsonSchema[None], Query(ge=0, le=2**53)] = None,
        last_event_id: Annotated[int | SkipJsonSchema[None], Header(ge=0, le=2**53)] = None,
    ) -> EventSourceResponse:
        """What happens in the lab. With the id of the last event seen, it goes on from there.

        `last` is for browsers, which send the header only when they come back; the header is the newer one.
        """
        seen = last if last_event_id is None else last_event_id
        return EventSourceResponse(daemon.feed.stream(seen, follow=follow), ping=PING_S)

    @app.get("/openapi.json", include_in_schema=False, **needs("read"))
    def described() -> JSONResponse:
        return JSONResponse(app.openapi())
