"""A schedule and its nights, as documents."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from farm.report.base import Part

Source = Literal["file", "command"]
NightStatus = Literal["open", "over", "skipped", "failed"]


class Blackout(Part):
    """A time of day in which nothing is fired, on these days of the week (all when empty), in the schedule's zone.

    `until` before `since` runs past midnight and belongs to the day it began on.
    """

    since: str = Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")
    until: str = Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")
    days: tuple[str, ...] = ()


class Schedule(Part):
    """When to submit what. The submission itself is kept beside it, files by sha256."""

    name: str = Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    cron: str = Field(max_length=200)
    """Five fields: minute hour day month weekday; names of days and months are understood."""
    zone: str = ""
    """IANA name, say `Europe/Berlin`; empty: the lab's own."""
    catch_up: bool = True
    """Whether moments that fell into a downtime are made up for, once for all of them."""
    blackout: tuple[Blackout, ...] = ()
    priority: int = Field(default=-1, ge=-10, le=10)
    """Of its jobs: below 0, what people submit goes first."""


class Night(Part):
    """One time a schedule was due. Times are Unix seconds."""

    id: int
    schedule: str
    fire_at: float
    fired: float
    missed: int = 0
    """Earlier moments that fell into a downtime, and that this one stands for."""
    status: NightStatus
    note: str = ""
    ended: float | None = None
    jobs: tuple[int, ...] = ()


class ScheduleView(Part):
    """A schedule as people see it."""

    schedule: Schedule
    id: int
    source: Source
    next_at: float | None
    """Unix seconds; None when paused."""
    paused: float | None = None
    pause: str = ""
    model: str = ""
    """Names of its models."""
    selector: str = ""
    last: Night | None = None
