"""Routes of schedules and their nights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import Header, Query, Request, Response
from fastapi import Path as InPath
from pydantic.json_schema import SkipJsonSchema

from farm.api.needs import needs
from farm.api.schedule_messages import PauseRequest, ScheduleRequest  # noqa: TC001  # FastAPI reads the annotations
from farm.schedule.schedule import Night, ScheduleView  # noqa: TC001
from farm.submission import Submission

if TYPE_CHECKING:
    from fastapi import FastAPI

    from farm.daemon import Daemon

Name = Annotated[str, InPath(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
Number = Annotated[int, InPath(ge=1, le=2**53)]
Limit = Annotated[int, Query(ge=1, le=1000)]
Key = Annotated[str | SkipJsonSchema[None], Header(max_length=64, min_length=16)]


def add(app: FastAPI, daemon: Daemon) -> None:
    """Add them to the application."""

    @app.get("/api/schedules", **needs("read"))
    def schedules() -> list[ScheduleView]:
        """Every schedule, by name: when it is due, and its last night."""
        return daemon.schedules.all()

    @app.post("/api/schedules", status_code=201, **needs("operate", "add schedule"))
    def add_schedule(asked: ScheduleRequest, request: Request) -> ScheduleView:
        """Add a schedule."""
        request.state.subject = f"schedule {asked.schedule.name}"
        return daemon.schedules.add(asked.schedule, asked.submission)

    @app.get("/api/schedules/{schedule}", **needs("read"))
    def schedule(schedule: Name) -> ScheduleView:
        """One schedule."""
        return daemon.schedules.one(schedule)

    @app.delete(
        "/api/schedules/{schedule}", status_code=204, response_class=Response, **needs("operate", "remove schedule")
    )
    def remove_schedule(schedule: Name) -> None:
        """End it; its nights and their jobs stay."""
        daemon.schedules.remove(schedule)

    @app.get("/api/schedules/{schedule}/submission", response_model=Submission, **needs("read"))
    def scheduled(schedule: Name) -> Response:
        """What it submits next: files by their sha256."""
        return Response(daemon.schedules.submission(schedule).model_dump_json(), media_type="application/json")

    @app.post("/api/schedules/{schedule}/pause", **needs("operate", "pause schedule"))
    def pause_schedule(schedule: Name, asked: PauseRequest) -> ScheduleView:
        """Fire it no more until it is resumed."""
        return daemon.schedules.pause(schedule, asked.reason)

    @app.post("/api/schedules/{schedule}/resume", **needs("operate", "resume schedule"))
    def resume_schedule(schedule: Name) -> ScheduleView:
        """Fire it again, from its next moment on."""
        return daemon.schedules.resume(schedule)

    @app.post("/api/schedules/{schedule}/run", status_code=201, **needs("operate", "run schedule"))
    def run_schedule(schedule: Name, idempotency_key: Key = None) -> Night:
        """Make and submit a night now. Sent again under the same Idempotency-Key, it is still one night."""
        return daemon.schedules.run_now(schedule, idempotency_key)

    @app.get("/api/schedules/{schedule}/nights", **needs("read"))
    def nights_of(schedule: Name, limit: Limit = 50) -> list[Night]:
        """Its nights, the newest first."""
        return daemon.schedules.nights(schedule, limit)

    @app.get("/api/nights", **needs("read"))
    def nights(limit: Limit = 50) -> list[Night]:
        """The nights of all schedules, the newest first."""
        return daemon.schedules.nights(None, limit)

    @app.get("/api/nights/{night}", **needs("read"))
    def night(night: Number) -> Night:
        """One night: its jobs, and the devices that were missing."""
        return daemon.schedules.night(night)
