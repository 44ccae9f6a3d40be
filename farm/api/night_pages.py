"""The page Tonight, and that of each night."""

from __future__ import annotations

import functools
import time
from typing import TYPE_CHECKING, Annotated

from fastapi import Path as InPath

from farm.api.messages import NotFoundError
from farm.api.page import page
from farm.notify import morning
from farm.pages.tonight import Matrix, Tonight, changed_runs, matrix, tonight
from farm.store import nightly_runs, nights
from farm.store.job_lines import job_lines

if TYPE_CHECKING:
    from fastapi import FastAPI

    from farm.daemon import Daemon
    from farm.notify.morning import Morning
    from farm.schedule.schedule import Night
    from farm.store.database import Database

NightId = Annotated[int, InPath(ge=1, le=2**53)]
CHOICE = 30
"""Nights to choose from."""
JOBS = 20
KEPT = 8
"""Nights whose matrix and changes are kept."""
WEEK_S = 7 * 86400.0
"""A schedule without a night for so long before the newest one is not of tonight."""


def add(app: FastAPI, daemon: Daemon) -> None:
    """Add them to the application."""

    @functools.lru_cache(maxsize=KEPT)
    def over(night: Night, changed: frozenset[int], names: tuple[tuple[str, str], ...]) -> Matrix:
        """Of a night that is over: its runs will not change any more, and there may be thousands."""
        return matrix(night, nightly_runs.runs(daemon.state, night.id), changed, dict(names))

    @functools.lru_cache(maxsize=KEPT)
    def kept(night: Night, before: int | None) -> morning.Change:
        return morning.change(daemon.state, night, before)

    def of(state: Database, night: Night, before: int | None) -> morning.Change:
        """A night that is over beside one that is over: both stay as they are."""
        return kept(night, before) if night.status == "over" else morning.change(state, night, before)

    def told(night: Night) -> tuple[Morning, Matrix]:
        found = morning.tonight(daemon.state, night.id, time.time(), of=of)
        assert found is not None  # noqa: S101  # nights are never removed
        changed = changed_runs(found.news)
        names = tuple((serial, row.name) for serial, row in daemon.known.rows().items())
        if night.status == "over":
            return found, over(night, changed, names)
        return found, matrix(night, nightly_runs.runs(daemon.state, night.id), changed, dict(names))

    @page(app, "/", name="/tonight")
    def the_night() -> Tonight:
        choice = nights.nights(daemon.state, limit=CHOICE)
        jobs = () if choice else job_lines(daemon.state, JOBS)
        return tonight([told(n) for n in last(choice)], choice, nightly_runs.schedules(daemon.state), jobs=jobs)

    @page(app, "/nights/{night}")
    def one_night(night: NightId) -> Tonight:
        found = nights.night(daemon.state, night)
        if found is None:
            raise NotFoundError("there is no such night", where=f"night {night}", remedy="see `farm schedule nights`")
        choice = nights.nights(daemon.state, limit=CHOICE)
        return tonight([told(found)], choice, nightly_runs.schedules(daemon.state), night=night)


def last(newest: list[Night]) -> list[Night]:
    """The last night of each schedule among the newest ones, which come first; what was long before is left out."""
    found = {night.schedule: night for night in reversed(newest)}
    return [n for n in found.values() if n.fired > newest[0].fired - WEEK_S]
