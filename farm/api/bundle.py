"""Route of a run's archive: made while it is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import Path as InPath
from fastapi import Response
from fastapi.responses import StreamingResponse

from farm.api.messages import NotFoundError
from farm.api.needs import file_of, needs
from farm.run import dossier
from farm.store.tarball import gzipped, tar

if TYPE_CHECKING:
    from fastapi import FastAPI

    from farm.daemon import Daemon

RunId = Annotated[int, InPath(ge=1, le=2**53)]


def add(app: FastAPI, daemon: Daemon) -> None:
    """Add the route to the application."""

    @app.get("/api/runs/{run}/bundle", response_class=Response, **needs("read", answers=file_of("application/gzip")))
    def bundle(run: RunId) -> StreamingResponse:
        """All of a run as one .tar.gz: document, submission, captures, evidence, report, versions, settings."""
        state = daemon.upkeep.state
        number = state.job_of_run(run)
        if number is None:
            raise NotFoundError("there is no such run", where=f"run {run}", remedy="see `farm show JOB`")
        job = daemon.jobs.job(number)
        found = next(r for r in job.runs if r.id == run)
        files = dossier.members(job, found, state.submission(number), daemon.settings, state, daemon.artifacts)
        headers = {"content-disposition": f'attachment; filename="run-{run}.tar.gz"'}
        return StreamingResponse(gzipped(tar(files)), media_type="application/gzip", headers=headers)
