"""Regressions over REST and as a page: what shifted, its runs frame by frame, and people's word on it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

from fastapi import Path as InPath
from fastapi import Query, Request, Response
from fastapi.responses import RedirectResponse
from starlette.concurrency import run_in_threadpool

from farm.api.evidence import Evidence
from farm.api.form import fields
from farm.api.messages import NotFoundError
from farm.api.needs import needs
from farm.api.page import page
from farm.api.trend_messages import TEXT, IgnoreRequest, ReasonRequest
from farm.api.trend_pages import gates
from farm.errors import InputsError
from farm.pages.regression import Shifted, shifted
from farm.store import lines, regressions, series
from farm.trend import follow
from farm.trend.compared import Compared  # noqa: TC001  # FastAPI reads the annotations
from farm.trend.follow import Action  # noqa: TC001  # FastAPI reads the annotations
from farm.trend.regression import Regression, Status  # noqa: TC001  # FastAPI reads the annotations

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastapi import FastAPI

    from farm.daemon import Daemon
    from farm.pages.shelf import Shelf

Number = Annotated[int, InPath(ge=1, le=2**53)]
PAGE = "/regressions/{regression}"
BLOCK = "frames"
"""Of the page, that is asked for once the rest is there."""
POINTS = 200
"""The newest ones of the page's chart."""
SUBJECT = 200
"""Characters in the audit log."""
DAY_S = 86400.0


def add(app: FastAPI, daemon: Daemon, shelf: Callable[[], Shelf]) -> None:
    """Add the routes and the page to the application."""
    evidence = Evidence(daemon, shelf)
    _add_rest(app, daemon, evidence)
    _add_page(app, daemon, evidence)


def _add_rest(app: FastAPI, daemon: Daemon, evidence: Evidence) -> None:
    @app.get("/api/regressions", **needs("read"))
    def list_regressions(
        status: Annotated[list[Status], Query(max_length=8)] = [],  # noqa: B006  # FastAPI copies it
        model: Annotated[str, Query(max_length=255)] = "",
        serial: Annotated[str, Query(max_length=255)] = "",
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    ) -> list[Regression]:
        """The newest first; without `status`, wherever they stand."""
        return regressions.find(daemon.state, statuses=status, model=model, serial=serial, limit=limit)

    @app.get("/api/regressions/{regression}", **needs("read"))
    def one_regression(regression: Number) -> Regression:
        """One, and where it stands."""
        return _found(regressions.get(daemon.state, regression), regression)

    @app.get("/api/regressions/{regression}/frames", **needs("read"))
    def frames(regression: Number) -> Compared:
        """Its runs beside one of the level before, frame by frame; takes seconds where captures are large."""
        return evidence.compared(_found(regressions.get(daemon.state, regression), regression))

    def ask(number: int, action: Action, request: Request, reason: str, until: float | None = None) -> Regression:
        request.state.subject = f"regression {number}{f': {reason}' * bool(reason)}"[:SUBJECT]
        found = daemon.regressions.ask(number, action, user=request.state.user, reason=reason, until=until)
        return _found(found, number)

    @app.post("/api/regressions/{regression}/acknowledge", **needs("operate", "acknowledge regression"))
    def acknowledge(regression: Number, asked: ReasonRequest, request: Request) -> Regression:
        """Somebody looks at it."""
        return ask(regression, "acknowledge", request, asked.reason)

    @app.post("/api/regressions/{regression}/accept", **needs("operate", "accept regression"))
    def accept(regression: Number, asked: ReasonRequest, request: Request) -> Regression:
        """The new level is what its series is judged against from now on."""
        return ask(regression, "accept", request, asked.reason)

    @app.post("/api/regressions/{regression}/ignore", **needs("operate", "ignore regression"))
    def ignore(regression: Number, asked: IgnoreRequest, request: Request) -> Regression:
        """Not told until then."""
        return ask(regression, "ignore", request, asked.reason, asked.until)

    @app.post("/api/regressions/{regression}/recheck", **needs("operate", "recheck regression"))
    def recheck(regression: Number, asked: ReasonRequest, request: Request) -> Regression:
        """Run it again; `job` is the run's where the device is ready, else it is queued as soon as it is."""
        return ask(regression, "recheck", request, asked.reason)


def _add_page(app: FastAPI, daemon: Daemon, evidence: Evidence) -> None:
    @page(app, PAGE)
    def the_regression(regression: Number, request: Request) -> Shifted:
        one = _found(regressions.get(daemon.state, regression), regression)
        of = series.get(daemon.state, one.series)
        assert of is not None  # noqa: S101  # series are never removed
        (line,) = lines.lines(daemon.state, [of], limit=POINTS)
        # The page itself is there at once; its one slow part, and the JSON, wait.
        block = request.headers.get("hx-target", "").rpartition("#")[2]
        frames: Compared | None = None
        if block == BLOCK or request.url.path.endswith(".json"):
            frames = evidence.compared(one)
        elif not block:
            frames = evidence.ready(one)
        return shifted(one, line, gates(daemon, one.key.model, one.key.serial), frames)

    @app.post("/regressions/{regression}/word", include_in_schema=False, **needs("operate", "regression's word"))
    async def word(regression: Number, request: Request) -> Response:
        """As the buttons of the page do."""
        await run_in_threadpool(ask, regression, request, fields(await request.body()))
        return RedirectResponse(f"/regressions/{regression}", 303)

    def ask(number: int, request: Request, given: dict[str, str]) -> None:
        one = _found(regressions.get(daemon.state, number), number)
        reason = given.get("reason", "").strip()[:TEXT]
        action = next((known for known in follow.allowed(one) if known == given.get("action")), None)
        if action is None:
            raise InputsError(
                f"{given.get('action', '')[:40]!r} cannot be asked of it", where=f"regression {number}",
                remedy="load the page again: somebody else may have said something",
            )  # fmt: skip
        request.state.subject = f"regression {number}: {action}{f': {reason}' * bool(reason)}"[:SUBJECT]
        days = given.get("days", "")
        until = time.time() + int(days) * DAY_S if days.isascii() and days.isdigit() and len(days) < 4 else None
        daemon.regressions.ask(number, action, user=request.state.user, reason=reason, until=until)


def _found(regression: Regression | None, number: int) -> Regression:
    if regression is None:
        raise NotFoundError(
            "there is no such regression", where=f"regression {number}", remedy="see `farm regressions list`"
        )
    return regression
