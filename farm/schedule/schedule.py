"""A schedule and its nights, as documents."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from farm.errors import SettingsError
from farm.report.base import Part
from farm.schedule import cron as crons

Source = Literal["file", "command"]
NightStatus = Literal["open", "over", "skipped", "failed"]


class Blackout(Part):
    """A time of day in which nothing is fired, on these days of the week (all when empty), in the schedule's zone.

    `until` before `since` runs past midnight and belongs to the day it began on.
    """

    since: str = Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")
    until: str = Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")
    days: tuple[str, ...] = Field(default=(), max_length=7)
    """Each a day or a range of days: `sat`, `mon-fri`."""

    @field_validator("days")
    @classmethod
    def _days_are_known(cls, days: tuple[str, ...]) -> tuple[str, ...]:
        for day in days:
            try:
                crons.weekdays(day, "days")
            except SettingsError as e:
                raise ValueError(e.message) from e
        return days


class Schedule(Part):
    """When to submit what. The submission itself is kept beside it, files by sha256."""

    name: str = Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    cron: str = Field(max_length=200)
    """Five fields: minute hour day month weekday; names of days and months are understood."""
    zone: str = ""
    """IANA name, say `Europe/Berlin`; empty: the lab's own."""
    catch_up: bool = True
    """Whether moments that fell into a downtime are made up for, once for all of them."""
    blackout: tuple[Blackout, ...] = Field(default=(), max_length=100)
    priority: int = Field(default=-1, ge=-10, le=10)
    """Of its jobs: below 0, what people submit goes first."""
    wait_m: int = Field(default=60, ge=0, le=1440)
    """Minutes a night waits for a device when none that matches is ready."""
    within_h: float | None = Field(default=None, gt=0, le=168)
    """Hours after which what has not begun fails; None: it may begin at any time."""

    @field_validator("cron")
    @classmethod
    def _cron_is_read(cls, text: str) -> str:
        try:
            crons.parse(text)
        except SettingsError as e:
            raise ValueError(f"{e.where}: {e.message} ({e.remedy})") from e
        return text


class Missing(Part):
    """A device that a schedule means, and that took no run of a night."""

    serial: str
    name: str = ""
    condition: str
    """Where it stood: `offline`, `quarantined`, ..."""
    reason: str = ""
    remedy: str = ""


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
    missing: tuple[Missing, ...] = ()
    """Devices that match and were not ready, as the night began."""


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
    commit: str = ""
    """Of what was prepared last, where it is known."""
    problem: str = ""
    """Why its submission could not be prepared when its files were read last, or what could not be told of it."""
    last: Night | None = None
