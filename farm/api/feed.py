"""Server-sent events of the whole lab, made from the log in the state file.

A client that reads slowly is told of fewer changes, not later of all: what is sent is read from the state file when there is
room for it, so nothing piles up. An event's id is its number in the log, which outlives the daemon; `Last-Event-ID` goes on.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from sse_starlette import ServerSentEvent
from starlette.concurrency import run_in_threadpool

from farm.api.messages import Event, GateState, JobState, LabEvent, NightState, RegressionState
from farm.store import changes
from farm.store.changes import GateNow, JobNow, NightNow, RunNow
from farm.store.eventlog import RESUME

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from farm.api.messages import DeviceView
    from farm.queue.board import Board
    from farm.store.changes import Now, RegressionNow
    from farm.store.database import Database

LOOK_S = 0.5
PAGE = 500
"""Events, jobs or runs read at once."""


class Feed:
    """`devices` gives every device without asking it; `stopping` says when streams end."""

    def __init__(
        self,
        state: Database,
        board: Board,
        devices: Callable[[], list[DeviceView]],
        stopping: Callable[[], bool],
    ) -> None:
        self._state = state
        self._board = board
        self._devices = devices
        self._stopping = stopping

    async def stream(self, last: int | None, *, follow: bool) -> AsyncIterator[ServerSentEvent]:
        """Where everything stands, unless the client knows up to event `last`; then, if `follow`, each change."""
        running: dict[int, Event] = {}
        devices: dict[str, DeviceView] = {}
        newest = await run_in_threadpool(changes.newest, self._state)
        known = last is not None and 0 <= newest - last <= RESUME
        at = last if last is not None and known else newest
        if not known:
            async for now in self._snapshot():
                yield self._told(now, running)
        async for event in self._changed_devices(devices):
            yield event
        yield _here(at)
        version = -1
        while follow and not self._stopping():
            if version != self._state.version:
                version = self._state.version
                before = -1
                while before != at:
                    before = at
                    at, page = await run_in_threadpool(changes.since, self._state, at, PAGE)
                    for now in page:
                        yield self._told(now, running)
                    if at != before:
                        yield _here(at)
            for run in self._progress(running):
                yield _sent(LabEvent(run=run))
            async for event in self._changed_devices(devices):
                yield event
            await asyncio.sleep(LOOK_S)

    async def _snapshot(self) -> AsyncIterator[Now]:
        job = run = 0
        while jobs := await run_in_threadpool(changes.open_jobs, self._state, job, PAGE):
            for now in jobs:
                yield now
            job = jobs[-1].job
        while runs := await run_in_threadpool(changes.unfinished, self._state, run, PAGE):
            for later in runs:
                yield later
            run = runs[-1].run

    def _told(self, now: Now, running: dict[int, Event]) -> ServerSentEvent:
        if not isinstance(now, RunNow):
            return _sent(_event_of(now))
        event = self._event(Event(**vars(now)))
        if event.status == "running":
            running[now.run] = event
        else:
            running.pop(now.run, None)
        return _sent(LabEvent(run=event))

    def _event(self, event: Event) -> Event:
        if event.status != "running" or event.run is None:
            return event
        doing = self._board.doing(event.run)
        return event.model_copy(update={"stage": doing.stage, "done": doing.done, "of": doing.of})

    def _progress(self, running: dict[int, Event]) -> list[Event]:
        moved = [(run, new) for run, event in running.items() if (new := self._event(event)) != event]
        running.update(moved)
        return [event for _, event in moved]

    async def _changed_devices(self, known: dict[str, DeviceView]) -> AsyncIterator[ServerSentEvent]:
        now = {view.serial: view for view in await run_in_threadpool(self._devices)}
        for serial in known.keys() - now.keys():
            del known[serial]
            yield _sent(LabEvent(gone=serial))
        for serial, view in now.items():
            if known.get(serial) != view:
                known[serial] = view
                yield _sent(LabEvent(device=view))


def _event_of(now: JobNow | NightNow | GateNow | RegressionNow) -> LabEvent:
    if isinstance(now, JobNow):
        return LabEvent(job=JobState(**vars(now)))
    if isinstance(now, NightNow):
        return LabEvent(night=NightState(**vars(now)))
    if isinstance(now, GateNow):
        return LabEvent(gate=GateState(**vars(now)))
    return LabEvent(regression=RegressionState(**vars(now)))


def _here(at: int) -> ServerSentEvent:
    """The client is told of all up to event `at`: only now may it go on from there."""
    return ServerSentEvent(str(at), event="at", id=str(at))


def _sent(event: LabEvent) -> ServerSentEvent:
    return ServerSentEvent(event.model_dump_json(exclude_defaults=True), event="lab")
