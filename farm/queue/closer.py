"""The end of a job: its report is written, then the job is closed, in a thread of its own."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING

from farm.loop import Loop
from farm.queue.attempts import conclude_job

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from farm.queue.board import Board
    from farm.report.document import Job
    from farm.store.state import State

RETRY_S = 5.0  # after a full disk


class Closer:
    """`write_report` gets the finished job and gives the report's path."""

    def __init__(
        self,
        state: State,
        board: Board,
        write_report: Callable[[Job], Path],
        report_bug: Callable[[str, str], str],
    ) -> None:
        self._state = state
        self._board = board
        self._write_report = write_report
        self._report_bug = report_bug
        self._loop = Loop("closer", self._step, RETRY_S, report_bug)

    def start(self) -> None:
        """Begin, with what an earlier daemon left unclosed."""
        self._loop.start()

    def wake(self, _job: int) -> None:
        """A run of the job is over."""
        self._loop.wake()

    def stop(self, within_s: float) -> None:
        """End after the report at hand; what is left is the next daemon's."""
        self._loop.stop(within_s)

    def _step(self) -> None:
        for job in self._state.ended():
            if self._loop.stopping:
                return
            self._close(job)

    def _close(self, job: int) -> None:
        document = self._state.job(job)
        if document is None:
            return
        status = conclude_job([run.status for run in document.runs])
        report = ""
        try:
            report = str(self._write_report(document.model_copy(update={"status": status})))
        except Exception:  # a job must not stay open because its report cannot be drawn
            self._report_bug(f"report-{job}", traceback.format_exc())
        self._state.close_job(job, status, report)
        self._board.changed(job)
