"""The clock: APScheduler wakes a thread of ours at each schedule's moments, and the thread makes the nights.

A moment is claimed in the state file before anything is submitted, and its job is submitted under a key of its own: a daemon
that dies in between leaves an open night without a job, which the next one submits. APScheduler keeps nothing but the
alarms, in memory, made anew from the state file, whose moments are looked at first: what fell into a downtime is fired once.
"""

from __future__ import annotations

import logging
import threading
import time
import traceback
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from farm.errors import FarmError, InfrastructureError, JobError, SelectorError, SettingsError
from farm.loop import Loop
from farm.schedule import cron
from farm.schedule.blackout import covering, words
from farm.schedule.decide import decide
from farm.store import nights, schedules

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from apscheduler.schedulers.background import BackgroundScheduler

    from farm.schedule.schedule import Night, Schedule
    from farm.sections.schedule import Nightlies
    from farm.store.database import Database
    from farm.store.schedules import Row
    from farm.submission import Submission

    Submit = Callable[[Night, Schedule, Submission, str], int]
    Prepare = Callable[[str], "Prepared | None"]

UNTIL = "; tried until "
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Prepared:
    """What was read of a schedule's files."""

    submission: Submission
    note: str = ""
    """What could not be told of it, which keeps no night from running."""


class Clock:
    """`prepare` reads the files of the schedule of a name anew (None: it has none to read), and `submit` queues a night
    with a note.

    Both raise FarmError; `submit` gives the job, and for a night that has one already, that one. `report_bug` gets a name
    and what went wrong, and gives where it is written.
    """

    def __init__(
        self,
        database: Database,
        *,
        prepare: Prepare,
        submit: Submit,
        report_bug: Callable[[str, str], str],
        settings: Nightlies,
    ) -> None:
        self._database = database
        self._prepare = prepare
        self._submit = submit
        self._report_bug = report_bug
        self._lock = threading.RLock()  # one night at a time, whoever asks for it
        self._alarms = _Alarms(lambda: self._loop.wake())  # noqa: PLW0108  # it is made below
        # The looks in between also make up for a clock that was set, and for a computer that slept.
        self._loop = Loop("clock", self._step, settings.look_s, report_bug, first_s=settings.settle_s)
        self._looked = 0.0
        """Unix seconds; 0: the files were not read yet."""

    def start(self) -> None:
        """Begin to fire."""
        self._loop.start()

    def stop(self, within_s: float) -> None:
        """End; a night that is being submitted is the next daemon's, if it does not get there."""
        self._alarms.stop()
        self._loop.stop(within_s)

    def changed(self) -> None:
        """Schedules were added, removed, paused or resumed."""
        if self._looked:  # what was due then and still is could not be fired, and waits for the next look
            rows = schedules.rows(self._database)
            self._alarms.set({str(r.id): r.next_at for r in rows if r.paused is None and r.next_at > self._looked})

    def run_now(self, row: Row, key: str | None) -> Night:
        """Make and submit a night, whenever the schedule is due; a `key` seen before gives the night made then.

        Raises:
            FarmError: nothing could be submitted; the night is kept as failed, and says why.
        """
        with self._lock:
            number, new = nights.begin(self._database, row.id, key)
            night = self._night(number)
            if new:
                try:
                    self._queue(night, row, anew=True)
                except FarmError as e:
                    nights.fail(self._database, number, _words(e))
                    raise
            return self._night(number)

    def give_up(self, schedule_id: int, why: str) -> None:
        """End the nights of a schedule that still wait for a device."""
        with self._lock:
            for night in nights.open_of(self._database, schedule_id):
                if not night.jobs:
                    self._give_up(night, why)

    def _give_up(self, night: Night, why: str) -> None:
        note = night.note.partition(UNTIL)[0]
        nights.fail(self._database, night.id, f"{why}: {note}" if note else why)

    def _step(self) -> None:
        if not self._looked:
            self._read_files()
            self._alarms.start()
        self._looked = time.time()
        self.look(self._looked)
        self.changed()

    def look(self, now: float) -> None:
        """Fire what is due at `now` (Unix seconds), and try again what waits."""
        for row in schedules.due(self._database, now):
            if self._loop.stopping:
                return
            try:
                self._fire(row, now)
            except SettingsError as e:  # its zone is gone
                schedules.prepared(self._database, row.id, None, _words(e))
                self._report_bug(f"schedule-{row.id}", _words(e))
        for night in nights.waiting(self._database):
            if self._loop.stopping:
                return
            self._try(night, now, anew=False)

    def _read_files(self) -> None:
        for row in schedules.rows(self._database):
            if self._loop.stopping:
                return
            try:
                made = self._prepared(row, anew=True)
                if made.note:
                    log.warning("schedule %s: %s", row.schedule.name, made.note)
            except FarmError as e:
                log.warning("schedule %s: %s", row.schedule.name, _words(e))
            except Exception:  # it must not keep the others from being fired
                self._report_bug(f"schedule-{row.id}", traceback.format_exc())

    def _fire(self, row: Row, now: float) -> None:
        with self._lock:
            busy = [night.id for night in nights.open_of(self._database, row.id) if night.jobs]
            decision = decide(row.schedule, row.next_at, now, open_night=busy[-1] if busy else None)
            if decision is None:
                return
            self.give_up(row.id, "the next night is due")
            number = nights.claim(self._database, row.id, row.next_at, decision, now)
            if number is None:
                return
            log.info("schedule %s: night %d, %s", row.schedule.name, number, decision.skipped or "fired")
            if not decision.skipped:
                self._try(self._night(number), now, anew=True)

    def _try(self, night: Night, now: float, *, anew: bool) -> None:
        """Submit an open night. Without a device it waits; with any other error it has failed."""
        with self._lock:
            night = self._night(night.id)
            row = schedules.find(self._database, night.schedule)
            if night.status != "open" or night.jobs:  # somebody was quicker
                return
            if row is None:
                nights.fail(self._database, night.id, "the schedule was removed")
                return
            try:
                zone = cron.zone_of(row.schedule.zone)
                window = None if anew else covering(row.schedule.blackout, datetime.fromtimestamp(now, zone))
                if window is not None:
                    self._give_up(night, f"the blackout {words(window)} began")
                    return
                try:
                    self._queue(night, row, anew=anew)
                except (InfrastructureError, SelectorError) as e:
                    until = night.fired + row.schedule.wait_m * 60.0
                    if now >= until:
                        raise
                    at = datetime.fromtimestamp(until, zone)
                    nights.tell(self._database, night.id, f"{e}{UNTIL}{at:%H:%M %Z}")
            except FarmError as e:
                nights.fail(self._database, night.id, _words(e))
            except Exception:  # it would come again, every minute
                file = self._report_bug(f"night-{night.id}", traceback.format_exc())
                nights.fail(self._database, night.id, f"an error of ours: see {file}, and please report it")

    def _queue(self, night: Night, row: Row, *, anew: bool) -> None:
        made = self._prepared(row, anew=anew or bool(row.problem))
        job = self._submit(night, row.schedule, made.submission, made.note)
        log.info("schedule %s: night %d", row.schedule.name, night.id, extra={"job": job})

    def _prepared(self, row: Row, *, anew: bool) -> Prepared:
        """What the schedule submits; `anew`, its files are read first, so that tonight's model is tonight's."""
        try:
            made = self._prepare(row.schedule.name) if anew and row.source == "file" else None
        except FarmError as e:
            schedules.prepared(self._database, row.id, None, _words(e))
            raise
        if made is not None:
            schedules.prepared(self._database, row.id, made.submission, made.note)
            return made
        submission = schedules.submission(self._database, row.id)
        if submission is None:
            raise JobError(
                "its files were never read", where=f"schedule {row.schedule.name}",
                remedy="run it where `farm up` has the farm.toml that names it",
            )  # fmt: skip
        return Prepared(submission)

    def _night(self, number: int) -> Night:
        found = nights.night(self._database, number)
        assert found is not None  # noqa: S101  # it was made a moment ago, and nights stay
        return found


def _words(error: FarmError) -> str:
    return f"{error} ({error.remedy})" if error.remedy else str(error)


class _Alarms:
    """APScheduler, which calls `ring` at the moments of schedules."""

    def __init__(self, ring: Callable[[], None]) -> None:
        self._ring = ring
        self._lock = threading.Lock()
        self._scheduler: BackgroundScheduler | None = None

    def start(self) -> None:
        from apscheduler.executors.debug import DebugExecutor
        from apscheduler.schedulers.background import BackgroundScheduler

        # Threads, as the daemon's other rooms have; `ring` only sets an event, so that it needs none of its own. With
        # these defaults, what is late rings at once, and what was missed several times rings once.
        scheduler = BackgroundScheduler(
            timezone=UTC, executors={"default": DebugExecutor()},
            job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1},
        )  # fmt: skip
        with self._lock:
            scheduler.start()
            self._scheduler = scheduler

    def stop(self) -> None:
        with self._lock:
            if self._scheduler is not None:
                self._scheduler.shutdown(wait=False)
                self._scheduler = None

    def set(self, moments: Mapping[str, float]) -> None:
        """Ring at these, Unix seconds by name, and at no others."""
        with self._lock:
            if self._scheduler is None:
                return
            for job in self._scheduler.get_jobs():
                if job.id not in moments:
                    self._scheduler.remove_job(job.id)
            for name, moment in moments.items():
                at = datetime.fromtimestamp(moment, UTC)
                self._scheduler.add_job(self._ring, "date", run_date=at, id=name, replace_existing=True)
