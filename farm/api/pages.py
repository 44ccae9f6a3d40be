"""The dashboard's routes: thin, over the views of farm/pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated
from urllib.parse import quote, urlencode

from fastapi import Path as InPath
from fastapi import Query, Request, Response
from fastapi.responses import RedirectResponse

from farm.api import fleet_pages, gate_pages, login, night_pages, notify_pages
from farm.api.messages import NotFoundError
from farm.api.needs import needs
from farm.api.page import page
from farm.pages import assets
from farm.pages.job_list import PAGE, JobList, job_list
from farm.store import changes
from farm.store.job_lines import job_lines

if TYPE_CHECKING:
    from fastapi import FastAPI

    from farm.daemon import Daemon

Number = Annotated[int, Query(ge=1, le=2**53)]
Words = Annotated[str, Query(max_length=200)]
FOR_GOOD = "public, max-age=31536000, immutable"


def add(app: FastAPI, daemon: Daemon) -> None:
    """Add every page, and the files they are made of."""
    app.state.newest_event = lambda: changes.newest(daemon.state)
    _add_static(app)
    login.add(app, daemon)
    night_pages.add(app, daemon)
    fleet_pages.add(app, daemon)
    gate_pages.add(app, daemon)
    notify_pages.add(app, daemon)
    _add_jobs(app, daemon)


def _add_static(app: FastAPI) -> None:
    @app.get("/static/{name:path}", include_in_schema=False, **needs(None))
    def static(name: Annotated[str, InPath(max_length=200)], request: Request, v: str = "") -> Response:
        """A file of the pages' own; needs no token, as the login page has them too."""
        found = assets.asset(name)
        if found is None:
            raise NotFoundError("there is no such file", where=request.url.path, remedy="load the page again")
        tag = f'"{found.tag}"'
        headers = {"etag": tag, "vary": "Accept-Encoding", "cache-control": FOR_GOOD if v == found.tag else "no-cache"}
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers=headers)
        if "gzip" in request.headers.get("accept-encoding", ""):
            return Response(found.zipped, media_type=found.type, headers=headers | {"content-encoding": "gzip"})
        return Response(found.content, media_type=found.type, headers=headers)


def _add_jobs(app: FastAPI, daemon: Daemon) -> None:
    @page(app, "/jobs")
    def the_jobs(q: Words = "", status: Words = "", kind: Words = "", before: Number | None = None) -> JobList:
        found = job_lines(daemon.state, PAGE + 1, q=q, status=status, kind=kind, before=before)
        return job_list(found, q=q, status=status, kind=kind, before=before)

    @app.get("/search", include_in_schema=False, **needs("read"))
    def search(q: Words = "") -> Response:
        """To the job or the run of this number, the device of this name, else to the jobs that have it in their model's."""
        text = q.strip()
        if text.isascii() and text.isdigit() and len(text) < 16:
            if daemon.state.status(int(text)) is not None:
                return RedirectResponse(f"/jobs/{int(text)}", 303)
            if (job := daemon.state.job_of_run(int(text))) is not None:
                return RedirectResponse(f"/jobs/{job}/runs/{int(text)}", 303)
        for device in daemon.seen():
            if text and text in {device.serial, device.name}:
                return RedirectResponse(f"/fleet/{quote(device.serial, safe='')}", 303)
        return RedirectResponse(f"/jobs?{urlencode({'q': text})}" if text else "/jobs", 303)
