"""How a page becomes routes: its HTML, its JSON twin, and each of its charts as CSV."""

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING, Annotated

from fastapi import Path as InPath
from fastapi import Request, Response
from fastapi.responses import HTMLResponse

from farm.api.entrance import wants_page
from farm.api.guard import problem
from farm.api.messages import NotFoundError
from farm.api.needs import needs
from farm.pages import render
from farm.pages.chart import csv_of, table_of
from farm.pages.problem import Trouble
from farm.pages.view import View, Visit

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastapi import FastAPI

    from farm.errors import FarmError

    Build = Callable[..., View]

ALWAYS_NEW = {"cache-control": "private, no-cache", "vary": "HX-Request"}
ChartId = Annotated[str, InPath(pattern="^[a-z0-9][a-z0-9-]{0,99}$")]


def page(app: FastAPI, path: str, *, name: str = "") -> Callable[[Build], Build]:
    """Add the routes of a page: `@page(app, "/jobs/{job}")` over a function that makes its view.

    The function's parameters are those of FastAPI's own handlers; `path.json` and `path/charts/ID.csv` take the same. `name`
    stands for the path in these two where the path is `/`.
    """
    base = name or path

    def add(build: Build) -> Build:
        def twin(request: Request, **given: object) -> Response:
            return Response(
                _built(build, request, given).model_dump_json(), media_type="application/json", headers=ALWAYS_NEW
            )

        def chart_csv(request: Request, chart_id: ChartId, **given: object) -> Response:
            chart = _built(build, request, given).chart(chart_id)
            if chart is None:
                raise NotFoundError("there is no such chart", where=request.url.path, remedy="see the page")
            headers = {"content-disposition": f'attachment; filename="{chart_id}.csv"'}
            return Response(csv_of(table_of(chart)), media_type="text/csv; charset=utf-8", headers=headers)

        def html(request: Request, **given: object) -> Response:
            last = request.app.state.newest_event()  # before the view: what happens in between is told again
            view = _built(build, request, given)
            visit = Visit(
                path=request.url.path,
                query=request.url.query,
                user=request.state.user,
                twin=f"{name or request.url.path}.json",
                last=last,
            )
            wanted = request.headers.get("hx-target", "").rpartition("#")[2]
            text = render.part(view, visit, wanted) if "hx-request" in request.headers and wanted else None
            return HTMLResponse(render.page(view, visit) if text is None else text, headers=ALWAYS_NEW)

        # Before the page: `/jobs/{job}` would take `12.json` for a job.
        for handler, address in ((chart_csv, f"{base}/charts/{{chart_id}}.csv"), (twin, f"{base}.json"), (html, path)):
            app.add_api_route(
                address, _with_parameters(handler, build), methods=["GET"], include_in_schema=False, response_model=None,
                **needs("read"),
            )  # fmt: skip
        return build

    return add


def problem_page(request: Request, error: FarmError, status: int, headers: dict[str, str] | None = None) -> Response:
    """The error as a page where a browser asked for one, else as JSON."""
    if not wants_page(request.method, request.url.path, dict(request.scope["headers"])):
        return problem(error, status, headers)
    view = Trouble(status=status, message=error.message, where=error.where, remedy=error.remedy)
    visit = Visit(path=request.url.path, user=getattr(request.state, "user", ""))
    return HTMLResponse(render.page(view, visit), status, headers)


def _built(build: Build, request: Request, given: dict[str, object]) -> View:
    return build(**({"request": request} if "request" in inspect.signature(build).parameters else {}), **given)


def _with_parameters(handler: Callable[..., Response], build: Build) -> Callable[..., Response]:
    """The handler, asking FastAPI for its own parameters and for those of `build`."""
    own = [p for p in inspect.signature(handler, eval_str=True).parameters.values() if p.kind is not p.VAR_KEYWORD]
    names = {p.name for p in own}
    asked = [p for p in inspect.signature(build, eval_str=True).parameters.values() if p.name not in names]

    @functools.wraps(handler)
    def answer(**given: object) -> Response:
        return handler(**given)

    keywords = [p.replace(kind=p.KEYWORD_ONLY) for p in (*own, *asked)]
    answer.__signature__ = inspect.Signature(keywords)  # type: ignore[attr-defined]  # what FastAPI reads
    return answer
