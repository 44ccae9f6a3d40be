"""The loop that gives queued runs to devices and takes their ends: the shell around the scheduler's pure functions."""

from __future__ import annotations

import functools
import logging
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING

from pydantic import ValidationError

from farm.errors import BugError, ConditionsError, FarmError, InfrastructureError, JobError, NoDeviceError
from farm.executor.contract import CanceledError, Listener, StoppingError
from farm.loop import Loop
from farm.queue.attempts import back_off, conclude
from farm.queue.board import Doing
from farm.queue.planner import target_of
from farm.queue.scheduler import Policy, Queue, coming, overdue, schedule
from farm.report.document import Failure, Run
from farm.run.work import Work
from farm.store.state import LeaseLostError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from farm.executor.contract import Executor
    from farm.fleet.device import Device
    from farm.queue.board import Board
    from farm.settings import Settings
    from farm.store.rows import Lease, QueuedRun
    from farm.store.state import State
    from farm.submission import Submission

log = logging.getLogger(__name__)
DRAIN_LOOK_S = 0.1
OTHERS = 4
"""Runs of the same job whose layers a run is compared with: other devices, other kernels."""
TICK_S = 0.5  # for what nobody announces: devices that come and go, leases that run out
UNBLAMED = (StoppingError, ConditionsError)
DOOM_S = 2.0  # between two looks at deadlines, while nothing else changes
USED_S = 5.0  # between two sums of the users' device time


class Dispatcher(Listener):
    """`run_over` is called with the job after the end of a run was stored; `judge` with a device's serial and how an attempt
    on it ended: None, or what was the lab's fault; `decided` with the seconds that each decision of the scheduler took."""

    def __init__(
        self,
        state: State,
        board: Board,
        settings: Settings,
        *,
        devices: Callable[[], Sequence[Device]],
        make_executor: Callable[[Listener], Executor],
        run_over: Callable[[int], None],
        report_bug: Callable[[str, str], str],
        judge: Callable[[str, Failure | None], None] = lambda _serial, _failure: None,
        decided: Callable[[float], None] = lambda _seconds: None,
    ) -> None:
        self._state = state
        self._board = board
        self._settings = settings.run
        self._queue = settings.queue
        self._judge = judge
        self._decided = decided
        self._most = {user.name: user.devices for user in settings.user if user.devices is not None}
        self._share = {user.name: user.share for user in settings.user}
        self._lines: tuple[Sequence[QueuedRun], Queue] = ((), Queue.of(()))
        self._used: tuple[float, dict[str, float]] = (-USED_S, {})
        self._users = functools.lru_cache(maxsize=4096)(state.user)
        self._devices = devices
        self._executor = make_executor(self)
        self._run_over = run_over
        self._report_bug = report_bug
        self._submission = functools.lru_cache(maxsize=8)(state.submission)  # a job's runs share one
        self._asked = functools.lru_cache(maxsize=32)(self._configured)
        self._lock = threading.Lock()
        self._active: dict[int, tuple[Lease, float]] = {}  # by token: the lease, and when to renew it next
        self._doomed, self._doom_due = -1, 0.0
        self._away_since: dict[str, float] = {}
        self._draining = threading.Event()
        self._loop = Loop("dispatcher", lambda: self._tick(time.monotonic()), TICK_S, report_bug)

    def start(self) -> None:
        """Begin to give out work."""
        self._loop.start()

    def wake(self) -> None:
        """Something was queued, or a device came free."""
        self._loop.wake()

    def leased(self) -> frozenset[str]:
        """The serials in use."""
        with self._lock:
            return frozenset(lease.serial for lease, _ in self._active.values())

    def cancel(self, job: int) -> None:
        """Cancel a job: what is queued now, what runs at its next check."""
        for lease in self._state.cancel(job):
            self._executor.interrupt(lease.token, _canceled())
        self._run_over(job)
        self._board.changed(job)

    def drain(self, within_s: float, hurry: threading.Event) -> None:
        """Give out nothing more, and wait until what runs is over, `within_s` seconds have passed, or `hurry` is set."""
        self._draining.set()
        deadline = time.monotonic() + within_s
        if leased := self.leased():
            log.info("draining: %d runs have %g s to end", len(leased), within_s)
        while self.leased() and time.monotonic() < deadline and not hurry.wait(DRAIN_LOOK_S):
            pass

    def stop(self, within_s: float) -> None:
        """Give out nothing more; what runs waits for the next daemon, and the attempt does not count."""
        self._loop.stop(within_s)
        for work in self._executor.stop(within_s):
            left = StoppingError("did not stop in time", where=f"run {work.run_id}")
            self.ended(work, Run(id=work.run_id, target=None, status="running"), left)

    # what the executor tells

    def progress(self, work: Work, stage: str, done: int, of: int) -> None:
        """See Listener. Progress is a sign of life; the check that follows says whether to go on."""
        lease = self._renew(work.token)
        if lease is not None:
            self._board.post(lease.job, work.run_id, Doing(stage, done, of))

    def beat(self, work: Work) -> None:
        """See Listener.

        Raises:
            LeaseLostError: the work's lease is over.
        """
        if self._renew(work.token) is None:
            raise _lost(work.run_id)

    def ended(self, work: Work, result: Run, error: FarmError | None) -> None:
        """See Listener."""
        with self._lock:
            lease, _ = self._active.pop(work.token, (None, 0.0))
        if lease is not None:  # else it was lost meanwhile, and a newer attempt's result counts
            self._end(lease, result, error)

    # inside

    def _renew(self, token: int) -> Lease | None:
        now = time.monotonic()
        with self._lock:
            lease, due = self._active.get(token, (None, 0.0))
            if lease is None or now < due:
                return lease
            length = self._length(lease.job)
            self._active[token] = (lease, now + length / 4)
        try:
            self._state.renew(token, now + length)
        except LeaseLostError:
            with self._lock:
                self._active.pop(token, None)
            return None
        return lease

    def _end(self, lease: Lease, result: Run, error: FarmError | None) -> None:
        try:
            self._settle(lease, result, error)
        except LeaseLostError:
            pass  # a newer attempt's result counts
        except FarmError as e:
            # Not stored: the lease runs out, or the next daemon finds the run still running; both try it again.
            self._report_bug(f"settle-{lease.run}-{lease.attempt}", f"{e}\n{e.remedy}")
        self._run_over(lease.job)
        self._board.changed(lease.job)
        self.wake()

    def _settle(self, lease: Lease, result: Run, error: FarmError | None) -> None:
        why = Failure.of(error) if error else result.error
        canceled = self._state.is_canceled(lease.job)
        placed = self._state.placed(lease.run)
        tries = lease.attempt - placed.deaths
        blamed = why if why and why.kind == "infrastructure" and not isinstance(error, UNBLAMED) else None
        if not canceled and self._waits_again(lease, result, error, why, tries):
            if blamed:
                self._judge(lease.serial, blamed)
            return
        status = conclude(why, tries, self._settings.attempts, canceled=canceled)
        fields = {
            "id": lease.run, "attempt": lease.attempt, "target": result.target or self._state.target(lease.run),
            "status": status, "error": why, "variant": placed.name, "repetition": placed.repetition,
        }  # fmt: skip
        run = result.model_copy(update=fields)
        try:
            Run.model_validate_json(run.model_dump_json())
        except ValidationError as e:  # say, a NaN: what cannot be read again must not be stored
            where = self._report_bug(f"document-{lease.run}-{lease.attempt}", f"{e}\n{result!r}")
            bug = BugError("the result cannot be stored", where=where, remedy="please report it with that file")
            run = nothing(lease).model_copy(update=fields | {"status": "failed", "error": Failure.of(bug)})
        for job in self._state.finish(lease.token, run):  # raises when the lease was lost: then nobody is judged
            self._run_over(job)
            self._board.changed(job)
        if not canceled and not isinstance(error, UNBLAMED):
            self._judge(lease.serial, blamed)
        self._board.forget(lease.run)

    def _waits_again(self, lease: Lease, result: Run, error: FarmError | None, why: Failure | None, tries: int) -> bool:
        """Give a run back to the queue, if its attempt ended for a reason that may pass."""
        if why is None:
            return False
        if isinstance(error, StoppingError):
            self._state.requeue(lease.token, why, counted=False, partial=result)
            return True
        if isinstance(error, ConditionsError):
            pause = self._settings.conditions_retry_s
            if self._state.waited(lease.run) + pause > self._settings.conditions_wait_s:
                return False
            self._state.requeue(lease.token, why, counted=False, not_before=time.time() + pause, waited=pause)
            return True
        if conclude(why, tries, self._settings.attempts, canceled=False) != "queued":
            return False
        pause = back_off(tries, self._settings.retry_s)
        self._state.requeue(lease.token, why, counted=True, partial=result, not_before=time.time() + pause)
        return True

    def _tick(self, now: float) -> None:
        leases = self._state.leases()
        for lease in leases:
            if lease.expires <= now:
                self._expire(lease)
        devices = self._devices()
        if self._doomed != self._state.version or now >= self._doom_due:
            self._doomed, self._doom_due = self._state.version, now + DOOM_S
            for run, reason in self._state.doomed(time.time()):
                remedy = "submit it again if it still matters"
                self._give_up(run, JobError(reason, where=f"run {run.id}", remedy=remedy))
        queued = self._state.queued()
        there = {d.serial for d in devices if coming(d)}
        waiting = {run.serial for run in queued if run.serial}
        self._away_since = {s: self._away_since.get(s, now) for s in waiting - there}
        for run in overdue(queued, self._away_since, now, self._settings.device_wait_s):
            reason = f"{run.serial} did not come back within {self._settings.device_wait_s:g} s"
            remedy = "see `farm devices`; plug it in and submit again, or raise run.device_wait_s"
            self._give_up(run, NoDeviceError(reason, where=f"run {run.id}", remedy=remedy))
        if self._draining.is_set():
            return
        leases, unix = self._state.leases(), time.time()
        if queued is not self._lines[0]:
            self._lines = (queued, Queue.of(queued))
        queue = self._lines[1]
        policy = self._policy(now, unix, leases)
        began = time.perf_counter()
        assignments = schedule(queue, devices, leases, now, unix=unix, policy=policy)
        self._decided(time.perf_counter() - began)
        for assignment in assignments:
            if self._loop.stopping:
                return
            self._begin(assignment.run, assignment.device)

    def _give_up(self, run: QueuedRun, error: FarmError) -> None:
        self._state.fail_queued(run.id, Failure.of(error))
        self._run_over(run.job)
        self._board.changed(run.job)

    def _policy(self, now: float, unix: float, leases: Sequence[Lease]) -> Policy:
        if now - self._used[0] >= USED_S:
            self._used = (now, self._state.used(unix - self._queue.window_s, unix))
        running = Counter(self._users(lease.job) for lease in leases)
        return Policy(self._queue.fairness, self._used[1], running, self._most, self._share)

    def _configured(self, run: int, job: int) -> Submission:
        submission = self._submission(job)
        return submission if submission.terms.pair else submission.of(self._state.placed(run).variant)

    def _length(self, job: int) -> float:
        """Of a lease, in seconds: a pass may be silent up to its own deadline, and that one should strike first."""
        return self._settings.lease_s + self._submission(job).pass_timeout_s

    def _begin(self, run: QueuedRun, device: Device) -> None:
        now = time.monotonic()
        length = self._length(run.job)
        lease = self._state.claim(run.id, target_of(device), now + length)
        if lease is None:
            return
        with self._lock:
            self._active[lease.token] = (lease, now + length / 4)
        others = self._state.captures(run.job, "layers", OTHERS)
        work = Work(run.id, lease.attempt, lease.token, self._asked(run.id, lease.job), device, others)
        try:
            self._executor.start(work)
        except StoppingError as e:
            self.ended(work, nothing(lease), e)
        if self._state.is_canceled(lease.job):  # between the claim and the start
            self._executor.interrupt(lease.token, _canceled())
        self._board.changed(lease.job)

    def _expire(self, lease: Lease) -> None:
        with self._lock:
            self._active.pop(lease.token, None)
        self._executor.interrupt(lease.token, _lost(lease.run))
        error = InfrastructureError(
            f"no sign of life for {self._length(lease.job):g} s",
            where=lease.serial,
            remedy="look at the device; raise run.lease_s if its runs are that quiet",
        )
        self._end(lease, nothing(lease), error)


def nothing(of: Lease) -> Run:
    """The result of an attempt that gave none."""
    return Run(id=of.run, target=None, status="running", attempt=of.attempt)


def _lost(run: int) -> LeaseLostError:
    return LeaseLostError(
        "the lease on the device is over", where=f"run {run}", remedy="a newer attempt's result counts"
    )


def _canceled() -> CanceledError:
    return CanceledError("the job was canceled", remedy="submit it again if that was not meant")
