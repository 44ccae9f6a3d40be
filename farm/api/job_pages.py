"""The pages of a job and of its runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import Path as InPath
from fastapi import Query, Request, Response
from fastapi.responses import FileResponse, RedirectResponse

from farm.api.cancel import cancel_job
from farm.api.desk import no_job
from farm.api.messages import NotFoundError
from farm.api.needs import needs
from farm.api.page import page
from farm.pages import job as jobs
from farm.pages import layers
from farm.pages import run as runs
from farm.pages.view import View  # noqa: TC001  # the annotations are read
from farm.store import browse

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastapi import FastAPI

    from farm.daemon import Daemon
    from farm.pages.shelf import Shelf
    from farm.report.document import Job

Number = Annotated[int, InPath(ge=1, le=2**53)]
Word = Annotated[str, Query(max_length=255)]
After = Annotated[int, Query(ge=0, le=2**53)]
Tensor = Annotated[int | None, Query(ge=0, le=2**31)]


def add(app: FastAPI, daemon: Daemon, shelf: Callable[[], Shelf]) -> None:
    """Add them to the application; asking for the shelf is slow the first time."""

    def doing(run: int) -> jobs.Doing | None:
        found = daemon.jobs.doing(run)
        return jobs.Doing(stage=found.stage, done=found.done, of=found.of) if found.stage else None

    _add_job(app, daemon, doing)

    def document(job: int, run: int) -> Job:
        found = browse.one(daemon.state, job, run)
        if found is None:
            raise NotFoundError("there is no such run", where=f"job {job}, run {run}", remedy=f"see /jobs/{job}")
        return daemon.jobs.now(found)

    @page(app, "/jobs/{job}/runs/{run}/layers")
    def the_layers(job: Number, run: Number, reference: Word = "") -> View:
        return layers.view(document(job, run), reference)

    @page(app, "/jobs/{job}/runs/{run}/inputs")
    def the_inputs(job: Number, run: Number) -> View:
        from farm.pages import inputs

        found = document(job, run)
        (asked,) = found.runs
        key = (run, asked.attempt, asked.captures)
        return shelf().inputs.or_made(key, lambda: inputs.view(shelf(), found, daemon.jobs.submission(job)))

    @page(app, "/jobs/{job}/runs/{run}/embedding")
    def the_embedding(job: Number, run: Number, reference: Word = "", tensor: Tensor = None) -> View:
        from farm.pages import embedding

        return embedding.view(shelf(), document(job, run), daemon.jobs.submission(job), reference, tensor)

    @app.get("/jobs/{job}/runs/{run}/evidence/{attempt}/{name}", include_in_schema=False, **needs("read"))
    def evidence(job: Number, run: Number, attempt: Number, name: Annotated[str, InPath(max_length=255)]) -> Response:
        """A file that was kept of an attempt: text is shown, a trace is saved."""
        (found,) = document(job, run).runs
        file = next((e for e in found.evidence if e.attempt == attempt and e.name == name and not e.removed), None)
        if file is None:
            raise NotFoundError("there is no such file", where=f"run {run}", remedy=f"see /jobs/{job}/runs/{run}")
        path = daemon.artifacts.path(file.sha256)
        if file.is_trace:
            return FileResponse(path, media_type="application/octet-stream", filename=f"run-{run}-{name}")
        return FileResponse(path, media_type="text/plain; charset=utf-8")

    @page(app, "/jobs/{job}/runs/{run}")
    def the_run(job: Number, run: Number, reference: Word = "") -> View:
        found = document(job, run)
        (asked,) = found.runs
        model, sha256 = browse.model_of(daemon.state, job, asked.variant)
        drawing = shelf().drawing(sha256, model) if asked.comparisons else None
        named = found.model_copy(update={"model": model, "model_sha256": sha256})
        return runs.view(named, reference, drawing, doing(run))


def _add_job(app: FastAPI, daemon: Daemon, doing: Callable[[int], jobs.Doing | None]) -> None:
    @page(app, "/jobs/{job}")
    def the_job(job: Number, state: Word = "", kind: Word = "", after: After = 0) -> View:
        found = browse.head(daemon.state, job)
        if found is None:
            raise no_job(job)
        listed = browse.runs(daemon.state, job, status=state, verdict=kind, after=after, limit=jobs.PAGE + 1)
        return jobs.view(
            found, browse.terms(daemon.state, job), browse.tally(daemon.state, job), listed, doing,
            state=state, kind=kind, after=after,
        )  # fmt: skip

    @app.post("/jobs/{job}/cancel", include_in_schema=False, **needs("submit", action="cancel"))
    def cancel(job: Number, request: Request) -> RedirectResponse:
        """As the button of the page does."""
        cancel_job(daemon.jobs, job, request)
        return RedirectResponse(f"/jobs/{job}", status_code=303)
