from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from farm.daemon import Daemon
from farm.report import html
from tests.conftest import DEMO
from tests.daemon.lab import FRAME, Bench, preflight, settings, submission, until
from tests.daemon.lab import perform as plain
from tests.pages.rich import run as rich_run
from tests.pages.rich import traced as traced_run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from farm.report.document import Job, Run
    from farm.run.work import Progress, Work
    from farm.submission import Submission

LOG = b"<script>alert(1)</script> died"


@dataclass(frozen=True)
class Lab:
    """A daemon whose runs end with a rich document, or do what tests/daemon/lab.py has them do."""

    daemon: Daemon
    runs: dict[str, Callable[[Work], Run]]
    """By model's name: how its runs end."""

    def submit(self, name: str, **changes: object) -> int:
        """A job of the demo's model under this name."""
        asked: Submission = submission(name).model_copy(
            update={"model_sha256": self.daemon.artifacts.put_file(DEMO / "model.tflite"), **changes}
        )
        return self.daemon.jobs.submit(asked, None).job

    def over(self, name: str, **changes: object) -> Job:
        """The same, when it is over."""
        job = self.submit(name, **changes)
        until(lambda: self.daemon.state.status(job) not in ("queued", "running"))
        return self.daemon.jobs.job(job)


@contextlib.contextmanager
def lab_at(data: Path) -> Iterator[Lab]:
    """A lab with two devices."""
    runs: dict[str, Callable[[Work], Run]] = {}

    def perform(work: Work, progress: Progress, check: Callable[[], None]) -> Run:
        made = runs.get(work.submission.model_name)
        return made(work) if made is not None else plain(work, progress, check)

    daemon = Daemon(
        settings(data), perform=perform, preflight=preflight, write_report=html.write, fleet=Bench("one", "two")
    )
    daemon.artifacts.put(FRAME)
    log = daemon.artifacts.put(LOG)
    runs["rich"] = lambda work: rich_run(work.run_id, evidence=log)
    runs["traced"] = lambda work: traced_run(work.run_id, log)
    daemon.start(port=0)
    try:
        yield Lab(daemon, runs)
    finally:
        daemon.stop()


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """One for all tests of a file: each has jobs of its own."""
    with lab_at(tmp_path_factory.mktemp("lab") / "data") as lab:
        yield lab
