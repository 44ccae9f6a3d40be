"""The history over REST: questions in SQL, how far it is written, what is in it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from fastapi import Request, Response
from fastapi.responses import StreamingResponse

from farm.api.history_messages import Asking  # noqa: TC001  # FastAPI reads the annotations
from farm.api.messages import CrowdedError, Problem
from farm.api.needs import needs
from farm.history.answer import MEDIA_TYPES, Described, Head, QueryError, Question, Size, Status, Step, Table
from farm.history.ask import Asked
from farm.history.tables import TABLES

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastapi import FastAPI
    from starlette.types import Receive, Scope, Send

    from farm.daemon import Daemon
    from farm.sections.history import History

ROWS, TRUNCATED = "x-farm-rows", "x-farm-truncated"
"""Headers of an answer."""
ANSWER_BYTES = 256 << 20
LOOK_S = 0.2
"""Between two looks whether who asked is still there."""
_ROW = {"type": "array", "items": {}}
_ANSWER = {
    "type": "object",
    "required": ["columns", "rows", "truncated"],
    "properties": {
        "columns": {"type": "array", "items": {"type": "object", "required": ["name", "type"]}},
        "rows": {"type": "array", "items": _ROW},
        "truncated": {"type": "boolean"},
    },
}
_BYTES = {"schema": {"type": "string"}}
_ANSWERS = {
    200: {
        "description": "the rows",
        "content": {kind: {"schema": _ANSWER} if "json" in kind else _BYTES for kind in MEDIA_TYPES.values()},
    }
}


def add(app: FastAPI, daemon: Daemon) -> None:
    """Add the routes to the application."""
    desk = Desk(daemon)

    @app.post("/api/query", response_class=Response, **needs("read", "-", answers=_ANSWERS))
    async def query(asking: Asking, request: Request) -> Response:
        """Ask the history in SQL: one SELECT. Who goes away ends it."""
        return await desk.ask(asking, request)

    @app.get("/api/history", **needs("read"))
    def history() -> Status:
        """How far it is written."""
        return daemon.history.status()

    @app.post("/api/history", **needs("operate", "write the history"))
    def write_history() -> Step:
        """Write what is due now, for some seconds, and say what is left: asked again, it goes on there."""
        return daemon.history.step()

    @app.post("/api/history/compact", **needs("admin", "compact the state file"))
    def compact() -> Size:
        """Write the state file anew, without what is free in it. Who would write to it waits meanwhile."""
        return daemon.history.compact()

    @app.get("/api/history/tables", **needs("read"))
    def tables() -> list[Table]:
        """What can be asked of: tables, columns, meanings."""
        return [
            Table(
                name=table.name,
                meaning=table.meaning,
                columns=tuple(Described(**vars(column)) for column in table.all_columns()),
            )
            for table in TABLES
        ]


class Desk:
    """Takes so many questions at once."""

    def __init__(self, daemon: Daemon) -> None:
        self._settings: History = daemon.settings.history
        self._data = daemon.data
        self._under_way = 0

    async def ask(self, asking: Asking, request: Request) -> Response:
        """The answer, as it comes.

        Raises:
            QueryError: it is wrong, or takes too much.
            CrowdedError: too many ask at this moment.
            StorageError: the history cannot be read.
        """
        kept = self._settings
        if self._under_way >= kept.queries:
            raise CrowdedError(
                f"{kept.queries} questions are under way", where="SQL", remedy="ask again; or raise history.queries"
            )
        self._under_way += 1
        asked: Asked | None = None

        def end() -> None:
            self._under_way -= 1
            if asked is not None:
                asked.close()

        try:
            asked = await Asked.start(
                Question(
                    sql=asking.sql, format=asking.format, data=str(self._data.absolute()), bytes=ANSWER_BYTES,
                    rows=min(asking.rows or kept.query_rows, kept.query_rows), memory_mb=kept.query_memory_mb,
                    seconds=kept.query_s,
                )
            )  # fmt: skip
            head = await _head(asked, request)
            if head.failure is not None:
                raise Problem(**head.failure.model_dump()).error()
        except BaseException:
            end()
            raise
        headers = {ROWS: str(head.rows), TRUNCATED: str(head.truncated).lower()}
        return _Answer(asked, MEDIA_TYPES[asking.format], headers, end)


async def _head(asked: Asked, request: Request) -> Head:
    """What was found; whoever goes away meanwhile needs it no more."""
    waiting = asyncio.ensure_future(asked.head())
    try:
        while True:
            done, _ = await asyncio.wait({waiting}, timeout=LOOK_S)
            if done:
                return waiting.result()
            if await request.is_disconnected():
                raise QueryError("nobody waits for the answer any more", where="SQL")
    finally:
        waiting.cancel()


class _Answer(StreamingResponse):
    """A body whose process ends with it, also where nobody began to read."""

    def __init__(self, asked: Asked, media_type: str, headers: dict[str, str], end: Callable[[], None]) -> None:
        super().__init__(asked.parts(), media_type=media_type, headers=headers)
        self._end = end

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._end()
