"""The REST interface: thin handlers over the daemon. GET /openapi.json, with the token, describes it."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from fastapi import FastAPI, Header, Query, Request, Response
from fastapi import Path as InPath
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from farm.api.guard import Guard, problem
from farm.api.messages import REQUEST_LIMIT, DeviceView, Hashes, Health, NotFoundError, is_sha256
from farm.errors import BugError, FarmError, JobError
from farm.report.document import Job  # noqa: TC001  # FastAPI reads the annotations
from farm.submission import Submission  # noqa: TC001  # FastAPI reads the annotations

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Iterator

    from farm.api.messages import Event
    from farm.daemon import Daemon

STATUS = {"job": 400, "infrastructure": 503, "bug": 500}
EVENT_PAUSE_S = 0.1  # changes in between are told as one
EVENT_LOOK_S = 5.0  # though nothing was told to have changed
Sha256 = Annotated[str, InPath(pattern="^[0-9a-f]{64}$")]
JobId = Annotated[int, InPath(ge=1, le=2**53)]


def make_app(daemon: Daemon, *, hosts: Collection[str], artifact_limit: int) -> FastAPI:
    """The application; `hosts` are the Host headers let in, `artifact_limit` is in bytes."""
    app = FastAPI(title="farm", docs_url=None, redoc_url=None)
    app.add_middleware(
        Guard,
        hosts=hosts,
        knows_token=daemon.knows_token,
        limit=lambda method, _path: artifact_limit if method == "PUT" else REQUEST_LIMIT,
    )
    _add_errors(app, daemon)
    _add_artifacts(app, daemon)

    @app.get("/api/health")
    def health() -> Health:
        return daemon.health()

    @app.get("/api/devices")
    def devices() -> list[DeviceView]:
        return daemon.devices()

    @app.post("/api/jobs", status_code=201)
    def submit(
        submission: Submission, idempotency_key: Annotated[str | None, Header(max_length=64, min_length=16)] = None
    ) -> Job:
        return daemon.submit(submission, idempotency_key)

    @app.get("/api/jobs")
    def jobs(limit: Annotated[int, Query(ge=1, le=1000)] = 50) -> list[Job]:
        return daemon.jobs(limit)

    @app.get("/api/jobs/{job}")
    def job(job: JobId) -> Response:
        # Straight from the model: thousands of layers need not pass through FastAPI's own encoder.
        return Response(daemon.job(job).model_dump_json(), media_type="application/json")

    @app.post("/api/jobs/{job}/cancel")
    def cancel(job: JobId) -> Job:
        return daemon.cancel(job)

    @app.get("/api/jobs/{job}/report")
    def report(job: JobId) -> FileResponse:
        file = daemon.job(job).report
        if not file or not Path(file).is_file():
            raise NotFoundError("there is no report", where=f"job {job}", remedy="it is written when the job is over")
        return FileResponse(file, media_type="text/html; charset=utf-8")

    @app.get("/api/jobs/{job}/events")
    async def events(job: JobId) -> EventSourceResponse:
        await run_in_threadpool(daemon.watch, job)  # a job that is not there is a 404, not a stream
        return EventSourceResponse(_stream(daemon, job), ping=5)

    return app


async def _stream(daemon: Daemon, job: int) -> AsyncIterator[ServerSentEvent]:
    changed, loop = asyncio.Event(), asyncio.get_running_loop()

    def tell() -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody listens any more
            loop.call_soon_threadsafe(changed.set)

    sent: dict[int | None, Event] = {}
    with daemon.listen(job, tell):
        while not daemon.is_stopping():
            changed.clear()
            for event in await run_in_threadpool(daemon.events, job):
                if sent.get(event.run) != event:
                    sent[event.run] = event
                    yield ServerSentEvent(event.model_dump_json(), event="job")
                if event.last:
                    return
            await asyncio.sleep(EVENT_PAUSE_S)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(changed.wait(), EVENT_LOOK_S)


def _add_artifacts(app: FastAPI, daemon: Daemon) -> None:
    store = daemon.artifacts

    @app.post("/api/artifacts/missing")
    def missing(asked: Hashes) -> Hashes:
        bad = next((s for s in asked.sha256 if not is_sha256(s)), None)
        if bad is not None:
            raise JobError(f"not a sha256: {bad[:80]!r}", where="sha256", remedy="64 lower-case hex digits")
        return Hashes(sha256=tuple(s for s in dict.fromkeys(asked.sha256) if not store.has(s)))

    @app.put("/api/artifacts/{sha256}", status_code=204)
    async def put(sha256: Sha256, request: Request) -> None:
        loop, stream = asyncio.get_running_loop(), request.stream()

        async def pull() -> bytes | None:
            return await anext(stream, None)

        def parts() -> Iterator[bytes]:  # in a thread: the disk must not hold up the loop
            while (part := asyncio.run_coroutine_threadsafe(pull(), loop).result()) is not None:
                yield part

        try:
            await asyncio.to_thread(store.put_stream, parts(), expected=sha256)
        except ClientDisconnect as e:
            raise JobError("the upload was broken off", where=sha256[:12], remedy="send it again") from e

    @app.get("/api/artifacts/{sha256}")
    def get(sha256: Sha256) -> FileResponse:
        if not store.has(sha256):
            raise NotFoundError("is not stored", where=f"artifact {sha256[:12]}", remedy="upload it")
        return FileResponse(store.path(sha256), media_type="application/octet-stream")


def _add_errors(app: FastAPI, daemon: Daemon) -> None:
    @app.exception_handler(FarmError)
    async def farm_error(_request: Request, error: FarmError) -> Response:
        return problem(error, 404 if isinstance(error, NotFoundError) else STATUS[error.kind])

    @app.exception_handler(RequestValidationError)
    async def invalid(_request: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        return problem(JobError(first["msg"], where=where, remedy="client and daemon may be of two versions"), 422)

    @app.exception_handler(HTTPException)
    async def http(_request: Request, error: HTTPException) -> Response:
        if error.status_code == 404:
            return problem(NotFoundError("no such address", remedy="client and daemon may be of two versions"), 404)
        return problem(JobError(error.detail), error.status_code)

    @app.exception_handler(Exception)
    async def bug(request: Request, error: Exception) -> Response:
        import traceback

        text = "".join(traceback.format_exception(error))
        where = await run_in_threadpool(daemon.report_bug, "rest", f"{request.method} {request.url.path}\n{text}")
        return problem(BugError(f"{type(error).__name__}: {error}", where=where, remedy="please report it"), 500)
