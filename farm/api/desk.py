"""What people ask of jobs: submit, look, wait, cancel."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from farm.api.messages import Event, NotFoundError, is_sha256
from farm.errors import FarmError, InputsError
from farm.queue import quota
from farm.queue.board import Doing
from farm.queue.planner import plan
from farm.store.documents import with_removed
from farm.store.inventory import inputs_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager

    from farm.fleet.device import Device
    from farm.queue.board import Board
    from farm.queue.dispatcher import Dispatcher
    from farm.report.document import Job
    from farm.settings import Settings
    from farm.store.artifacts import ArtifactStore
    from farm.store.rows import Placement
    from farm.store.state import State
    from farm.submission import Submission

OPEN = ("queued", "running")
CANCEL_S = 1.0  # for what runs to notice


class JobDesk:
    """Thin, over the queue's rooms. `work` is called when there is something to do: an embedded daemon sleeps until then.

    `check_room` raises StorageError when the disk is all but full; `devices` is what the last look at them showed, `refresh`
    looks now.
    """

    def __init__(
        self,
        settings: Settings,
        state: State,
        board: Board,
        dispatcher: Dispatcher,
        artifacts: ArtifactStore,
        *,
        devices: Callable[[], Sequence[Device]],
        refresh: Callable[[], Sequence[Device]],
        preflight: Callable[[Submission, ArtifactStore], None] | None,
        check_room: Callable[[], None],
        work: Callable[[], None],
    ) -> None:
        self._settings = settings
        self._state = state
        self._board = board
        self._dispatcher = dispatcher
        self._artifacts = artifacts
        self._devices = devices
        self._refresh = refresh
        self._preflight = preflight
        self._check_room = check_room
        self._work = work
        self._wanted: set[int] = set()

    def submit(self, submission: Submission, key: str | None, user: str = "local") -> Job:
        """Check, plan and queue; the same `key` twice is one job.

        Raises:
            JobError: artifacts are missing, the preflight or the selector says no, or the user has too many runs.
            NoDeviceError: no device is ready.
            StorageError: the disk is all but full.
        """
        known = self._state.job_of_key(key) if key is not None else None
        if known is None:
            self._check_room()
            self._work()
            self.check(submission)
            placements = self._plan(submission)
            quota.check(self._settings.user, user, self._state.unfinished(user), len(placements))
            known = self._state.add_job(submission, placements, key=key, user=user)
        self.watch(known)
        return self.job(known)

    def check(self, submission: Submission) -> None:
        """See that what it names is here, and that nothing that can be known now is in its way.

        Raises:
            JobError: artifacts are missing, or the preflight says no.
            StorageError: the disk is all but full.
        """
        self._check_room()
        for _, asked in submission.configurations():
            self._check(asked)

    def watch(self, job: int) -> None:
        """Somebody waits for the job: it is worked on, and an embedded daemon does not leave before.

        Raises:
            NotFoundError: no such job. (As in all methods below that take one.)
        """
        status = self._state.status(job)
        if status is None:
            raise no_job(job)
        if status in OPEN:
            self._wanted.add(job)
            self._work()
            self._dispatcher.wake()

    def newest(self, limit: int, before: int = 2**53) -> list[Job]:
        """The newest first, those numbered below `before`, their runs without figures."""
        return self._state.jobs(limit, before)

    def job(self, job: int) -> Job:
        """One job with all its figures."""
        document = self._state.job(job)
        if document is None:
            raise no_job(job)
        return self.now(document)

    def doing(self, run: int) -> Doing:
        """What a run does now."""
        return self._board.doing(run)

    def now(self, document: Job) -> Job:
        """A job's document with what its runs do now, and with where their files are."""
        runs = (
            r.model_copy(update={"stage": self._board.doing(r.id).stage}) if r.status == "running" else r
            for r in document.runs
        )
        return with_removed(document.model_copy(update={"runs": tuple(runs)}), self._artifacts)

    def submission(self, job: int) -> Submission:
        """What was submitted."""
        if self._state.status(job) is None:
            raise no_job(job)
        return self._state.submission(job)

    def cancel(self, job: int) -> Job:
        """Cancel a job, if it is not over; waits a moment for its end."""
        if self._state.status(job) is None:
            raise no_job(job)
        self._dispatcher.cancel(job)
        deadline = time.monotonic() + CANCEL_S
        while self._state.status(job) in OPEN and time.monotonic() < deadline:
            time.sleep(0.02)
        return self.job(job)

    def events(self, job: int) -> list[Event]:
        """Where every run stands; then, once the job is over, the last event."""
        status = self._state.status(job)  # before the runs: a job seen as over has told all of them
        if status is None:
            raise no_job(job)
        events = []
        for row in self._state.rows(job):
            doing = self._board.doing(row.id) if row.status == "running" else Doing()
            events.append(
                Event(
                    job=job,
                    run=row.id,
                    serial=row.serial,
                    status=row.status,
                    attempt=row.attempt,
                    stage=doing.stage,
                    done=doing.done,
                    of=doing.of,
                    message=row.message,
                )
            )
        return events if status in OPEN else [*events, Event(job=job, status=status)]

    def listen(self, job: int, tell: Callable[[], None]) -> AbstractContextManager[None]:
        """Call `tell` from any thread when the job's events change, or the daemon stops."""
        return self._board.listen(job, tell)

    def wanted(self) -> set[int]:
        """Jobs that are not over and that were submitted to, or watched on, this daemon."""
        return {job for job in self._wanted.copy() if self._state.status(job) in OPEN}

    def _check(self, submission: Submission) -> None:
        self._check_artifacts(submission)
        if self._preflight is not None:
            self._preflight(submission, self._artifacts)
        else:
            from farm.run import preflight
            from farm.run.app import apk

            if any(one.context == "app" for _, one in submission.configurations()):
                apk.find(self._settings.app.apk)
            preflight.check(submission, self._artifacts)

    def _check_artifacts(self, submission: Submission) -> None:
        for sha256 in dict.fromkeys(inputs_of(submission.model_dump(mode="json"))):
            if not (is_sha256(sha256) and self._artifacts.use(sha256)):
                raise InputsError(
                    f"{sha256[:80]!r} was not uploaded", where="submission", remedy="upload every artifact first"
                )

    def _plan(self, submission: Submission) -> list[Placement]:
        try:
            return plan(submission, self._devices())
        except FarmError:  # a phone plugged in a moment ago may not be in the snapshot
            return plan(submission, self._refresh())


def no_job(job: int) -> NotFoundError:
    """That there is none."""
    return NotFoundError("there is no such job", where=f"job {job}", remedy="see `farm jobs`")
