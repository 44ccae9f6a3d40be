"""What is new and what is old of a condition: runs, and of a pair's run its two variants."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from farm.assess import subject as subjects
from farm.compare.accuracy import wilson
from farm.report.document import Accuracy
from farm.trend import figures

if TYPE_CHECKING:
    from farm.report.document import Run, Side
    from farm.submission import Submission


@dataclass(frozen=True)
class Taken:
    """A run, and what its job submitted."""

    run: Run
    submission: Submission
    rounds: tuple[Run, ...] = ()
    """Of one variant of a pair: each of its rounds, as if that were a run."""
    paired: str = ""
    """Of a pair: which variant against which."""

    @property
    def model(self) -> str:
        """The name of the model that ran."""
        return subjects.submission_of(self.run, self.submission).model_name

    @property
    def cell(self) -> tuple[str, str, str]:
        """Model, serial and configuration: what is compared."""
        serial = self.run.target.serial if self.run.target else ""
        return self.model, serial, self.paired or figures.configuration(self.run)


def taken(run: Run, submission: Submission) -> tuple[Taken, Taken | None]:
    """What is new of a run, and what is old where it brings that itself: of a pair B, and A."""
    if not submission.terms.pair:
        return Taken(run, submission), None
    (a, _), (b, _) = submission.configurations()
    return _side(run, submission, b, "b"), _side(run, submission, a, "a")


def _side(run: Run, submission: Submission, name: str, letter: str) -> Taken:
    """One variant as if it had run alone: its figures, and its rounds in the order they ran."""
    alone = run.model_copy(update={"variant": name, "pair": None, "energy": (), "captures": ()})
    if run.pair is None:  # it has no result
        return Taken(alone, submission)
    side = run.pair.b if letter == "b" else run.pair.a
    alone = alone.model_copy(
        update={
            "latency_ms": side.latency_ms,
            "memory_mb": side.memory_mb,
            "accuracy": _accuracy(side, submission),
        }
    )
    captures = {capture.name: capture for capture in run.captures}
    rounds = [captures.get(f"latency-{letter}{number}") for number in range(run.pair.rounds)]
    runs = [
        alone.model_copy(update={"captures": (one.model_copy(update={"name": "latency"}),)})
        for one in rounds
        if one is not None
    ]
    return Taken(runs[0] if runs else alone, submission, tuple(runs), figures.configuration(run))


def _accuracy(side: Side, submission: Submission) -> Accuracy | None:
    n = sum(frame.label is not None for frame in submission.frames)
    if side.top1 is None:
        return None
    return Accuracy(n=n, top1=side.top1, top5=None, top1_interval=wilson(side.top1 * n, n))
