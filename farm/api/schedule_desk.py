"""What people ask of schedules: add, look, pause, resume, remove, run now."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from farm.api.messages import ConflictError, NotFoundError
from farm.errors import InputsError, JobError
from farm.fleet.selector import parse
from farm.queue import nightly
from farm.schedule.clock import Clock, Prepared
from farm.schedule.decide import first
from farm.store import nights, schedules

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from farm.api.desk import JobDesk
    from farm.fleet.device import Device
    from farm.schedule.schedule import Night, Schedule, ScheduleView
    from farm.settings import Settings
    from farm.store.artifacts import ArtifactStore
    from farm.store.schedules import Row
    from farm.store.state import State
    from farm.submission import Submission


class ScheduleDesk:
    """The schedules of a lab. Those of farm.toml are taken over by the daemon of `farm up` alone: see `start`."""

    def __init__(
        self,
        state: State,
        artifacts: ArtifactStore,
        jobs: JobDesk,
        settings: Settings,
        *,
        devices: Callable[[], Sequence[Device]],
        report_bug: Callable[[str, str], str],
    ) -> None:
        self._state = state
        self._artifacts = artifacts
        self._jobs = jobs
        self._notes = {note.name: note for note in settings.schedule}
        self._devices = devices
        self.clock = Clock(
            state, prepare=self._prepare, submit=self._submit, settings=settings.nightlies, report_bug=report_bug
        )

    def start(self) -> None:
        """Take over what farm.toml says, and begin to fire."""
        known = {row.schedule.name: row for row in schedules.rows(self._state)}
        for name, note in self._notes.items():
            self._follow(known.get(name), note.schedule)
        for name, row in known.items():
            if row.source == "file" and name not in self._notes:
                schedules.remove(self._state, row.id)
        self.clock.start()

    def stop(self, within_s: float) -> None:
        """End; what was submitted stays."""
        self.clock.stop(within_s)

    def all(self) -> list[ScheduleView]:
        """Every schedule, by name."""
        return [schedules.view(self._state, row) for row in schedules.rows(self._state)]

    def one(self, name: str) -> ScheduleView:
        """The schedule of this name.

        Raises:
            NotFoundError: there is none. (As in all methods below that take a name.)
        """
        return schedules.view(self._state, self._find(name))

    def submission(self, name: str) -> Submission:
        """What it submits next, as far as its files were read."""
        found = schedules.submission(self._state, self._find(name).id)
        if found is None:
            raise NotFoundError("nothing was prepared yet", where=f"schedule {name}", remedy="see `farm schedule show`")
        return found

    def nights(self, name: str | None, limit: int) -> list[Night]:
        """The newest first, of one schedule, also of one that was removed, or of all."""
        found = nights.nights(self._state, schedule=name, limit=limit)
        if name is not None and not found:
            self._find(name)
        return found

    def night(self, night: int) -> Night:
        """One night.

        Raises:
            NotFoundError: there is none.
        """
        found = nights.night(self._state, night)
        if found is None:
            raise NotFoundError("there is no such night", where=f"night {night}", remedy="see `farm schedule nights`")
        return found

    def add(self, schedule: Schedule, submission: Submission) -> ScheduleView:
        """Store a schedule; sent twice, it is one.

        Raises:
            ConflictError: there is another one of this name.
            JobError: the submission cannot work, or says when it runs.
            SettingsError: there is no such time zone.
        """
        terms = submission.terms
        if terms.not_before or terms.deadline is not None or terms.after:
            raise JobError(
                "a schedule says itself when it runs", where="submission.terms",
                remedy="leave --not-before, --deadline and --after out",
            )  # fmt: skip
        parse(submission.selector)
        self._jobs.check(submission)
        row = schedules.add(self._state, schedule, "command", first(schedule, time.time()), submission)
        if row is None:
            row = schedules.find(self._state, schedule.name)
            if row is None or row.schedule != schedule or schedules.submission(self._state, row.id) != submission:
                raise ConflictError(
                    "there is another one of this name", where=f"schedule {schedule.name}",
                    remedy=f"take another name, or `farm schedule remove {schedule.name}` first",
                )  # fmt: skip
        self.clock.changed()
        return schedules.view(self._state, row)

    def pause(self, name: str, reason: str) -> ScheduleView:
        """Fire it no more until it is resumed; what runs goes on."""
        row = self._find(name)
        schedules.pause(self._state, row.id, reason)
        self.clock.give_up(row.id, "paused")
        self.clock.changed()
        return self.one(name)

    def resume(self, name: str) -> ScheduleView:
        """Fire it again, from its next moment on; one that is not paused stays as it is."""
        row = self._find(name)
        schedules.resume(self._state, row.id, first(row.schedule, time.time()))
        self.clock.changed()
        return self.one(name)

    def remove(self, name: str) -> None:
        """End it; its nights and their jobs stay.

        Raises:
            ConflictError: farm.toml names it, and would bring it back.
        """
        row = self._find(name)
        if row.source == "file":
            raise ConflictError(
                "farm.toml names it, and would bring it back", where=f"schedule {name}",
                remedy=f"remove it there and start `farm up` again, or `farm schedule pause {name}`",
            )  # fmt: skip
        schedules.remove(self._state, row.id)
        self.clock.give_up(row.id, "the schedule was removed")
        self.clock.changed()

    def run_now(self, name: str, key: str | None) -> Night:
        """Make and submit a night at once, also of one that is paused or in a blackout; the same `key` twice is one night.

        Raises:
            FarmError: nothing could be submitted; the night is kept as failed.
        """
        return self.clock.run_now(self._find(name), key)

    def _find(self, name: str) -> Row:
        row = schedules.find(self._state, name)
        if row is None:
            raise NotFoundError(
                "there is no such schedule", where=f"schedule {name}", remedy="see `farm schedule list`"
            )
        return row

    def _follow(self, row: Row | None, schedule: Schedule) -> None:
        """Have what farm.toml says; a schedule of this name that was added by command is the file's from now on."""
        now = time.time()
        if row is None:
            schedules.add(self._state, schedule, "file", first(schedule, now))
        elif row.source != "file" or row.schedule != schedule:
            moved = (row.schedule.cron, row.schedule.zone) != (schedule.cron, schedule.zone)
            schedules.change(self._state, row.id, schedule, "file", first(schedule, now) if moved else row.next_at)

    def _prepare(self, name: str) -> Prepared | None:
        note = self._notes.get(name)
        if note is None:
            return None
        from farm.work.commit import commit_of
        from farm.work.gather import gather  # brings what reads models: only when a schedule is there

        commit = unknown = ""
        try:
            commit = "" if note.repository is None else commit_of(note.repository)
        except JobError as e:  # figures without a commit are better than none
            unknown = f"{e} ({e.remedy})"
        try:
            gathered = gather(note, {"commit": commit})
            for file in gathered.files.values():
                self._artifacts.put_file(file)
        except OSError as e:
            raise InputsError(
                f"cannot be read: {e.strerror}", where=str(e.filename or name), remedy="check what farm.toml names"
            ) from e
        return Prepared(gathered.submission(self._jobs), unknown)

    def _submit(self, night: Night, schedule: Schedule, submission: Submission, note: str) -> int:
        job = nightly.queue(self._state, self._devices(), self._jobs.check, night, schedule, submission, note)
        self._jobs.watch(job)
        return job
