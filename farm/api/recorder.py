"""Writes the audit log: every request that changes something, before it does, and again how it ended."""

from __future__ import annotations

import contextlib
import logging
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool

from farm.api.guard import problem
from farm.errors import FarmError

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from farm.api.needs import Needs
    from farm.store.audit import Audit

log = logging.getLogger(__name__)
UPLOAD = "upload"
"""The action of which there are many."""


class Recorder:
    """ASGI middleware between Guard and Gate. A handler may set `request.state.subject` to what it found or made."""

    def __init__(self, app: ASGIApp, *, audit: Audit) -> None:
        self._app = app
        self._audit = audit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; one that cannot be written down is not done."""
        state = scope["state"]
        needs: Needs | None = state["needs"]
        if needs is None or not needs.action:
            return await self._app(scope, receive, send)
        try:
            line = await run_in_threadpool(
                self._audit.begin, state.get("user", ""), state.get("token", ""), needs.action, needs.subject
            )
        except FarmError as e:
            return await problem(e, 503)(scope, receive, send)
        ended = False

        async def end(status: int) -> None:
            nonlocal ended
            ended = True
            about = {"user": state.get("user", ""), "token": state.get("token", ""), "status": status}
            log.info("%s", needs.action, extra={**about, "subject": str(state.get("subject", needs.subject))})
            with contextlib.suppress(FarmError):  # the daemon is shutting down: the line stays as it was begun
                await run_in_threadpool(self._audit.end, line, str(state.get("subject", needs.subject)), status)

        async def watched(message: Message) -> None:
            if message["type"] == "http.response.start":  # who has the answer finds the line complete
                await end(message["status"])
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except Exception:
            if not ended:
                await end(500)
            raise
