"""History over REST: series, annotations, the frontier."""

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
from farm.api.trend_messages import AnnotationRequest  # noqa: TC001  # FastAPI reads the annotations
from farm.store import annotations as notes
from farm.store import lines, series
from farm.trend.annotation import Annotation  # noqa: TC001  # FastAPI reads the annotations
from farm.trend.frontier import Frontier  # noqa: TC001  # FastAPI reads the annotations
from farm.trend.line import Line
from farm.trend.series import Series

if TYPE_CHECKING:
    from fastapi import FastAPI

    from farm.daemon import Daemon
    from farm.sections.trend import Trend

Number = Annotated[int, InPath(ge=1, le=2**53)]
Name = Annotated[str | SkipJsonSchema[None], Query(max_length=255)]
Names = Annotated[list[Annotated[str, Query(max_length=255)]], Query(max_length=50)]
Moment = Annotated[float, Query(ge=0, le=1e11, description="Unix seconds.")]
Metric = Annotated[str, Query(max_length=64, pattern="^[a-z0-9._]*$")]
Steps = Annotated[bool, Query(description="With where the level changed, as these points say afterwards.")]
_LINES, _SERIES = TypeAdapter(list[Line]), TypeAdapter(list[Series])


def add(app: FastAPI, daemon: Daemon) -> None:
    """Add the routes to the application, and the pages."""
    trend_pages.add(app, daemon)
    _add_series(app, daemon)
    _add_annotations(app, daemon)


def _add_series(app: FastAPI, daemon: Daemon) -> None:
    def stepped(asked: bool) -> Trend | None:
        return daemon.settings.trend if asked else None

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
        series: Number,
        since: Moment = 0.0,
        points: Annotated[int, Query(ge=1, le=10_000)] = 400,
        *,
        steps: Steps = False,
    ) -> Response:
        """One series with its newest points, its regressions and all that is written beside it."""
        found = _series(daemon, series)
        (told,) = lines.lines(daemon.state, [found], since=since, limit=points, stepped=stepped(steps))
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
        *,
        steps: Steps = False,
    ) -> Response:
        """A metric over time: every series of these models and this device (left out: all), as above."""
        found = series.find(daemon.state, models=model, serial=serial, metric=metric, schedule=schedule, limit=limit)
        told = lines.lines(daemon.state, found, since=since, limit=points, stepped=stepped(steps))
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
