"""Runs in threads of this process, one each: a run mostly waits for its phone."""

from __future__ import annotations

import threading
import time
import traceback
from typing import TYPE_CHECKING

from farm.errors import BugError, FarmError
from farm.executor.contract import Executor, StoppingError
from farm.report.document import Run
from farm.run.work import BrokenOffError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from farm.executor.contract import Listener
    from farm.run.work import Perform, Work


class _Task:
    def __init__(self, work: Work, thread: threading.Thread) -> None:
        self.work = work
        self.thread = thread
        self.reason: FarmError | None = None
        self.ending = False


class LocalExecutor(Executor):
    """`report_bug` stores a traceback and says where."""

    def __init__(self, perform: Perform, listener: Listener, report_bug: Callable[[str, str], str]) -> None:
        self._perform = perform
        self._listener = listener
        self._report_bug = report_bug
        self._lock = threading.Lock()
        self._tasks: dict[int, _Task] = {}
        self._stopping = False

    def start(self, work: Work) -> None:
        """See Executor."""
        with self._lock:
            if self._stopping:
                raise _stopping()
            thread = threading.Thread(target=self._run, args=(work,), name=f"run-{work.run_id}", daemon=True)
            self._tasks[work.token] = _Task(work, thread)
        thread.start()

    def interrupt(self, token: int, reason: FarmError) -> None:
        """See Executor."""
        with self._lock:
            task = self._tasks.get(token)
            if task is not None and task.reason is None:
                task.reason = reason

    def stop(self, within_s: float) -> Sequence[Work]:
        """See Executor."""
        with self._lock:
            self._stopping = True
            tasks = list(self._tasks.values())
            for task in tasks:
                task.reason = task.reason or _stopping()
        deadline = time.monotonic() + within_s
        for task in tasks:
            task.thread.join(max(0.0, deadline - time.monotonic()))
        with self._lock:
            left = tuple(task.work for task in self._tasks.values() if not task.ending)
            self._tasks.clear()
        return left

    def _run(self, work: Work) -> None:
        with self._lock:
            task = self._tasks.get(work.token)
        if task is None:  # stopped before it began
            return

        def check() -> None:
            if task.reason is not None:
                raise task.reason
            self._listener.beat(work)

        def progress(stage: str, done: int, of: int) -> None:
            self._listener.progress(work, stage, done, of)

        result, error = _nothing(work), None
        try:
            result = self._perform(work, progress, check)
        except BrokenOffError as e:
            result, error = e.partial, e.cause
        except FarmError as e:
            error = e
        except Exception as e:  # whatever is left is a bug of ours
            where = self._report_bug(f"run-{work.run_id}-{work.attempt}", traceback.format_exc())
            error = BugError(f"{type(e).__name__}: {e}", where=where, remedy="please report it with that file")
        with self._lock:
            if work.token not in self._tasks:  # given up by `stop`
                return
            task.ending = True
        try:
            self._listener.ended(work, result, error)
        finally:
            with self._lock:
                self._tasks.pop(work.token, None)


def _stopping() -> StoppingError:
    return StoppingError("the daemon is shutting down", remedy="the run waits for the next daemon")


def _nothing(work: Work) -> Run:
    return Run(id=work.run_id, target=None, status="running", attempt=work.attempt)
