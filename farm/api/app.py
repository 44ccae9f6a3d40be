"""The REST interface: thin handlers over the daemon. GET /openapi.json, with a token, describes it; docs/api.md too."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import FastAPI, Header, Query, Request, Response
from fastapi import Path as InPath
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from fastapi.responses import FileResponse
from pydantic.json_schema import SkipJsonSchema
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from farm import __version__
from farm.api import bundle, gates, history, lab, notify, pages, schedules, sentinel, shelf, trend, upkeep, uploads
from farm.api import devices as device_routes
from farm.api.cancel import cancel_job
from farm.api.entrance import FORM_LIMIT, LOGIN
from farm.api.guard import Gate, Guard, Limits, Refused
from farm.api.headers import REPORT, Headers
from farm.api.messages import (
    REQUEST_LIMIT,
    ConflictError,
    DeviceView,
    Event,
    ForbiddenError,
    LabEvent,
    NotFoundError,
    Problem,
)
from farm.api.metrics import Meter
from farm.api.needs import REF, allowed, file_of, find, needs
from farm.api.page import problem_page
from farm.api.recorder import Recorder
from farm.errors import BugError, FarmError, JobError
from farm.report.document import Job
from farm.submission import Submission  # FastAPI reads the annotations

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection

    from farm.daemon import Daemon

STATUS = {"job": 400, "infrastructure": 503, "bug": 500}
OWN_STATUS: dict[type[FarmError], int] = {NotFoundError: 404, ConflictError: 409, ForbiddenError: 403}
EVENT_PAUSE_S = 0.1  # changes in between are told as one
EVENT_LOOK_S = 5.0  # though nothing was told to have changed
JobId = Annotated[int, InPath(ge=1, le=2**53)]
Key = Annotated[str | SkipJsonSchema[None], Header(max_length=64, min_length=16)]


def make_app(daemon: Daemon, *, hosts: Collection[str]) -> FastAPI:
    """The application; `hosts` are the Host headers let in."""
    app = FastAPI(
        title="farm", version=__version__, openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False
    )
    settings = daemon.settings.api
    largest = settings.artifact_limit_mb << 20
    limits = Limits(
        lambda method, path: FORM_LIMIT if path == LOGIN else largest if method == "PUT" else REQUEST_LIMIT,
        settings.read_timeout_s,
    )
    # Each stands around those before it.
    app.add_middleware(Gate, limits=limits)
    app.add_middleware(Recorder, audit=daemon.door.audit)
    app.add_middleware(
        Guard, hosts=hosts, find=daemon.door.find, session=daemon.door.entrance.find,
        needs=lambda request: find(app.routes, request),
    )  # fmt: skip
    app.add_middleware(Meter, metrics=daemon.metrics)
    app.add_middleware(Headers)
    _add_errors(app, daemon)
    lab.add(app, daemon)
    uploads.add(app, daemon.artifacts, settings.connections)
    _add_jobs(app, daemon)
    bundle.add(app, daemon)
    upkeep.add(app, daemon)
    app.openapi = lambda: _described(app)  # type: ignore[method-assign]  # FastAPI's own way to do it

    @app.get("/api/devices", **needs("read"))
    def devices() -> list[DeviceView]:
        """Every device, asked now."""
        return daemon.devices()

    device_routes.add(app, daemon)
    sentinel.add(app, daemon)
    gates.add(app, daemon)
    history.add(app, daemon)
    notify.add(app, daemon)
    schedules.add(app, daemon)
    trend.add(app, daemon)
    pages.add(app, daemon)
    shelf.add(app, daemon)
    return app


def _add_jobs(app: FastAPI, daemon: Daemon) -> None:
    @app.post("/api/jobs", status_code=201, **needs("submit"))
    def submit(submission: Submission, request: Request, idempotency_key: Key = None) -> Job:
        """Queue a job. Sent again under the same Idempotency-Key, it is still one job."""
        job = daemon.jobs.submit(submission, idempotency_key, user=request.state.user)
        request.state.subject = f"job {job.job}"
        return job

    @app.get("/api/jobs", **needs("read"))
    def jobs(
        limit: Annotated[int, Query(ge=1, le=1000)] = 50, before: Annotated[int, Query(ge=1, le=2**53)] = 2**53
    ) -> list[Job]:
        """The newest jobs first, numbered below `before`, their runs without figures."""
        return daemon.jobs.newest(limit, before)

    @app.get("/api/jobs/{job}", response_model=Job, **needs("read"))
    def job(job: JobId) -> Response:
        """One job with all its figures."""
        # Straight from the model: thousands of layers need not pass through FastAPI's own encoder.
        return Response(daemon.jobs.job(job).model_dump_json(), media_type="application/json")

    @app.get("/api/jobs/{job}/submission", response_model=Submission, **needs("read"))
    def submission(job: JobId) -> Response:
        """What was submitted: files by their sha256."""
        return Response(daemon.jobs.submission(job).model_dump_json(), media_type="application/json")

    @app.post("/api/jobs/{job}/cancel", **needs("submit"))
    def cancel(job: JobId, request: Request) -> Job:
        """Cancel a job; one that is over stays as it is. Somebody else's takes the scope `operate`."""
        return cancel_job(daemon.jobs, job, request)

    @app.get("/api/jobs/{job}/report", response_class=Response, **needs("read", answers=file_of("text/html")))
    def report(job: JobId) -> FileResponse:
        """The HTML report of a job that is over."""
        file = daemon.jobs.job(job).report
        if not file or not Path(file).is_file():
            raise NotFoundError("there is no report", where=f"job {job}", remedy="it is written when the job is over")
        return FileResponse(file, media_type="text/html; charset=utf-8", headers=REPORT)

    @app.get(
        "/api/jobs/{job}/events",
        response_class=Response,
        **needs("read", answers=lab.stream_of(Event, "where each run stands, each change, and the end")),
    )
    async def events(job: JobId) -> EventSourceResponse:
        """What happens to a job, until it is over."""
        await run_in_threadpool(daemon.jobs.watch, job)  # a job that is not there is a 404, not a stream
        return EventSourceResponse(_stream(daemon, job), ping=lab.PING_S)


async def _stream(daemon: Daemon, job: int) -> AsyncIterator[ServerSentEvent]:
    changed, loop = asyncio.Event(), asyncio.get_running_loop()

    def tell() -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody listens any more
            loop.call_soon_threadsafe(changed.set)

    sent: dict[int | None, int] = {}  # hashes: there may be 10 000 runs, and many clients
    with daemon.jobs.listen(job, tell):
        while not daemon.is_stopping():
            changed.clear()
            for event in await run_in_threadpool(daemon.jobs.events, job):
                if sent.get(event.run) != (known := hash(event)):
                    sent[event.run] = known
                    yield ServerSentEvent(event.model_dump_json(), event="job")
                if event.last:
                    return
            await asyncio.sleep(EVENT_PAUSE_S)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(changed.wait(), EVENT_LOOK_S)


def _described(app: FastAPI) -> dict[str, Any]:
    if app.openapi_schema is None:
        schema = get_openapi(title=app.title, version=app.version, routes=app.routes)
        for model in (Event, LabEvent, Problem):  # which no route names as its answer
            described = model.model_json_schema(ref_template=REF + "{model}")
            schema["components"]["schemas"] |= described.pop("$defs", {}) | {model.__name__: described}
        schema["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
        schema["security"] = [{"token": []}]
        app.openapi_schema = _whole(schema)
    return app.openapi_schema


def _whole(part: Any) -> Any:
    """The same with whole numbers as such: FastAPI makes floats of bounds, and 2**64 is no number like others then."""
    if isinstance(part, dict):
        return {key: _whole(value) for key, value in part.items()}
    if isinstance(part, list):
        return [_whole(value) for value in part]
    return int(part) if isinstance(part, float) and part.is_integer() else part


def _add_errors(app: FastAPI, daemon: Daemon) -> None:
    @app.exception_handler(FarmError)
    async def farm_error(request: Request, error: FarmError) -> Response:
        return problem_page(request, error, OWN_STATUS.get(type(error), STATUS[error.kind]))

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        found = error.errors()
        first = next((e for e in found if e["type"] != "value_error"), found[0])
        where = ".".join(str(part) for part in first["loc"])
        if first["type"] == "value_error":  # a rule of ours that a schema cannot say
            text = first["msg"].removeprefix("Value error, ")
            return problem_page(request, JobError(text, where=where, remedy="correct the request"), 400)
        return problem_page(
            request, JobError(first["msg"], where=where, remedy="client and daemon may be of two versions"), 422
        )

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> Response:
        if isinstance(error, Refused):
            return problem_page(request, error.error, error.status_code)
        if error.status_code == 404:
            return problem_page(
                request, NotFoundError("no such address", remedy="client and daemon may be of two versions"), 404
            )
        headers = dict(error.headers or {})
        if error.status_code == 405:  # Starlette's own names the methods of one route, and an address may have several
            headers = {"allow": ", ".join(allowed(app.routes, request.scope))}
        return problem_page(request, JobError(error.detail), error.status_code, headers)

    @app.exception_handler(Exception)
    async def bug(request: Request, error: Exception) -> Response:
        import traceback

        text = "".join(traceback.format_exception(error))
        where = await run_in_threadpool(daemon.report_bug, "rest", f"{request.method} {request.url.path}\n{text}")
        return problem_page(
            request, BugError(f"{type(error).__name__}: {error}", where=where, remedy="please report it"), 500
        )
