"""History over REST: series, regressions, annotations, the frontier."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

from fastapi import Path as InPath
from fastapi import Query, Request, Response
from pydantic import TypeAdapter
from pydantic.json_schema import SkipJsonSchema

from farm.api import trend_pages
from farm.api.messages import NotFoundError
from farm.api.needs import needs
from farm.api.trend_messages import AnnotationRequest, IgnoreRequest, ReasonRequest  # noqa: TC001  # FastAPI reads the annotations
from farm.store import annotations as notes
from farm.store import lines, regressions, series
from farm.trend.annotation import Annotation  # noqa: TC001  # FastAPI reads the annotations
from farm.trend.follow import Action  # noqa: TC001  # FastAPI reads the annotations
from farm.trend.frontier import Frontier  # noqa: TC001  # FastAPI reads the annotations
from farm.trend.line import Line
from farm.trend.regression import Regression, Status  # noqa: TC001  # FastAPI reads the annotations
from farm.trend.series import Series

if TYPE_CHECKING:
    from fastapi import FastAPI

    from farm.daemon import Daemon

Number = Annotated[int, InPath(ge=1, le=2**53)]
Name = Annotated[str | SkipJsonSchema[None], Query(max_length=255)]
Names = Annotated[list[Annotated[str, Query(max_length=255)]], Query(max_length=50)]
Moment = Annotated[float, Query(ge=0, le=1e11, description="Unix seconds.")]
Metric = Annotated[str, Query(max_length=64, pattern="^[a-z0-9._]*$")]
SUBJECT = 200
"""Characters in the audit log."""
_LINES, _SERIES = TypeAdapter(list[Line]), TypeAdapter(list[Series])


def add(app: FastAPI, daemon: Daemon) -> None:
    """Add the routes to the application, and the pages."""
    trend_pages.add(app, daemon)
    _add_series(app, daemon)
    _add_regressions(app, daemon)
    _add_annotations(app, daemon)


def _add_series(app: FastAPI, daemon: Daemon) -> None:
    @app.get("/api/series", response_model=list[Series], **needs("read"))
    def list_series(
        model: Names = [],  # noqa: B006  # FastAPI copies it
        serial: Name = None,
        metric: Name = None,
        schedule: Name = None,
        after: Annotated[int, Query(ge=0, le=2**53)] = 0,
        limit: Annotated[int, Query(ge=1, le=10_000)] = 1000,
    ) -> Response:
        """Series, each with its newest point, numbered above `after`. An empty `schedule`: what people submitted."""
        found = series.find(
            daemon.state, models=model, serial=serial, metric=metric, schedule=schedule, after=after, limit=limit
        )
        newest = series.latest(daemon.state, [s.id for s in found])
        told = [s.model_copy(update={"points": (newest[s.id],) if s.id in newest else ()}) for s in found]
        return Response(_SERIES.dump_json(told), media_type="application/json")

    @app.get("/api/series/{series}", response_model=Line, **needs("read"))
    def one_series(
        series: Number, since: Moment = 0.0, points: Annotated[int, Query(ge=1, le=10_000)] = 400
    ) -> Response:
        """One series with its newest points, its regressions and all that is written beside it."""
        found = _series(daemon, series)
        (told,) = lines.lines(daemon.state, [found], since=since, limit=points)
        return Response(told.model_dump_json(), media_type="application/json")

    @app.get("/api/trend", response_model=list[Line], **needs("read"))
    def trend(
        model: Names = [],  # noqa: B006  # FastAPI copies it
        serial: Name = None,
        metric: Metric = "latency.median",
        schedule: Name = None,
        since: Moment = 0.0,
        points: Annotated[int, Query(ge=1, le=1000)] = 400,
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
    ) -> Response:
        """A metric over time: every series of these models and this device (left out: all), as above."""
        found = series.find(daemon.state, models=model, serial=serial, metric=metric, schedule=schedule, limit=limit)
        told = lines.lines(daemon.state, found, since=since, limit=points)
        return Response(_LINES.dump_json(told), media_type="application/json")

    @app.get("/api/frontier", **needs("read"))
    def frontier(
        model: Names = [],  # noqa: B006  # FastAPI copies it
        serial: Name = None,
        accuracy: Metric = "",
        latency_ms: Annotated[float, Query(ge=0, le=1e9, description="0: no budget.")] = 0.0,
    ) -> Frontier:
        """Accuracy, latency and energy of each variant on each device by its newest figures, and which to take."""
        return lines.newest_frontier(
            daemon.state, model, serial=serial, accuracy=accuracy, budget_ms=latency_ms or None
        )


def _add_regressions(app: FastAPI, daemon: Daemon) -> None:
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


def _add_annotations(app: FastAPI, daemon: Daemon) -> None:
    @app.get("/api/annotations", **needs("read"))
    def list_annotations(
        model: Annotated[str, Query(max_length=255)] = "",
        serial: Annotated[str, Query(max_length=255)] = "",
        since: Moment = 0.0,
        limit: Annotated[int, Query(ge=1, le=1000)] = 200,
    ) -> list[Annotation]:
        """What people wrote, the oldest first: of this model and device, or of all of them."""
        return notes.find(daemon.state, model=model, serial=serial, since=since, limit=limit)

    @app.post("/api/annotations", status_code=201, **needs("submit"))
    def annotate(asked: AnnotationRequest, request: Request) -> Annotation:
        """Write something beside series."""
        at = time.time() if asked.at is None else asked.at
        return notes.add(
            daemon.state, at=at, kind=asked.kind, text=asked.text, model=asked.model, serial=asked.serial,
            user=request.state.user,
        )  # fmt: skip

    @app.delete("/api/annotations/{annotation}", status_code=204, **needs("operate", "remove annotation"))
    def remove(annotation: Number) -> None:
        """Forget it."""
        if not notes.remove(daemon.state, annotation):
            raise NotFoundError(
                "there is no such annotation", where=f"annotation {annotation}", remedy="see `farm trend`"
            )


def _series(daemon: Daemon, number: int) -> Series:
    found = series.get(daemon.state, number)
    if found is None:
        raise NotFoundError("there is no such series", where=f"series {number}", remedy="see `farm trend`")
    return found


def _found(regression: Regression | None, number: int) -> Regression:
    if regression is None:
        raise NotFoundError(
            "there is no such regression", where=f"regression {number}", remedy="see `farm regressions list`"
        )
    return regression
