"""Evidence out of stored runs: their documents, and where frames or invocations count one by one, their captures."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from farm.assess import subject as subjects
from farm.compare.tasks.classification import Classification
from farm.compare.tasks.read import read
from farm.errors import FarmError
from farm.gate.evidence import Evidence, Mean, Missing, Paired, PairedMean, Sample, Share
from farm.gate.metric import METRICS, RATIO
from farm.model import graph as graphs
from farm.submission import identities
from farm.trend import figures as of_runs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from farm.assess.subject import Subject
    from farm.compare.tasks.contract import Reading
    from farm.gate.condition import Condition, Quantity
    from farm.gate.evidence import Figure
    from farm.gate.taken import Taken
    from farm.report.document import Run
    from farm.report.measures import Energy
    from farm.store.artifacts import ArtifactStore
    from farm.submission import Submission

    Array = np.ndarray[Any, Any]
    _Key = tuple[int, str, str]

LEAST_MS = 1e-6
"""No clock tells less."""
BOUNDARIES = ("external meter", "rail", "battery", "virtual model")
"""Of energy, the best first: new and old are taken at one."""
UNSAID = frozenset({"temperature", "battery"})
"""Circumstances that are never the same twice."""
LONGEST = 48
"""Characters of a circumstance in a note."""


OF_RUNS = ("latency.median", "latency.p90")
"""What invocations tell and a run's document tells too."""


@dataclass(frozen=True)
class _Answers:
    """A run's answers, frame by frame."""

    reading: Reading
    frames: tuple[str, ...]
    """What tells a frame from another, in the reading's order."""

    def scores(self, metric: str) -> Array | None:
        """f64 [n], from 0 to 1; None where the run does not tell."""
        if not self.reading.labelled:
            return None
        if metric == "score":
            return self.reading.scores().values
        if not isinstance(self.reading, Classification):
            return None
        answers = self.reading.answers
        if metric == "top5" and answers.classes <= 5:
            return None
        result: Array = (answers.rank < (5 if metric == "top5" else 1)).astype(np.float64)
        return result


@dataclass
class Reader:
    """Opens each run once. What cannot be opened is missing, with its reason."""

    artifacts: ArtifactStore
    over_runs: bool = False
    """Latency is counted in runs."""
    _subjects: dict[_Key, Subject | Missing] = field(default_factory=dict)
    _answers: dict[_Key, _Answers | Missing] = field(default_factory=dict)

    def evidence(
        self, conditions: Sequence[Condition], new: Sequence[Taken], old: Sequence[Taken], why_no_old: str
    ) -> Evidence:
        """Of one cell; `new` has at least one run. `why_no_old` is told where something is compared with nothing."""
        model, serial, configuration = new[0].cell
        sides = {"new": _done(new), "old": _done(old)}
        quantities = {t.quantity for c in conditions for t in c.terms}
        shared = [c.terms[0].quantity.metric for c in conditions if c.paired is not None]
        pairs = {metric: self._pair(metric, sides["new"], sides["old"]) for metric in dict.fromkeys(shared)}
        whys = {"new": _why(new), "old": why_no_old or _why(old)}
        figures: dict[Quantity, Figure] = {}
        for quantity in quantities:
            runs = sides[quantity.side]
            other = sides["old" if quantity.side == "new" else "new"]
            if quantity.metric == "difference":
                figures[quantity] = self._difference(sides, whys)
            elif quantity.metric == RATIO and sides["new"]:
                figures[quantity] = self._ratio(sides["new"], sides["old"])
            elif not runs:
                figures[quantity] = Missing(whys[quantity.side])
            else:
                figures[quantity] = self._figure(quantity.metric, runs, other)
        notes = [f"not paired: {p.reason}" for p in pairs.values() if isinstance(p, Missing) and sides["old"]]
        notes += [_why([taken]) for taken in new if taken.run.status != "done" and sides["new"]]
        return Evidence(
            model, serial, configuration, figures, pairs,
            runs=tuple(t.run.id for t in new), against=tuple(t.run.id for t in old),
            notes=(*dict.fromkeys(notes), *_differing(sides["new"], sides["old"])),
        )  # fmt: skip

    def _figure(self, metric: str, runs: Sequence[Taken], other: Sequence[Taken]) -> Figure:
        counted = METRICS[metric].counted
        if metric == "score":
            answers = self._answered(runs[0])
            if isinstance(answers, Missing):
                return answers
            scores = answers.scores(metric)
            return Missing("its frames have no labels") if scores is None else Mean(float(scores.mean()), len(scores))
        if counted == "frames":
            return _share(metric, runs[0].run)
        if counted == "runs" or (self.over_runs and metric in OF_RUNS):
            return _of_runs(metric, runs, other)
        return self._invocations(metric, runs)

    def _invocations(self, metric: str, runs: Sequence[Taken]) -> Figure:
        values: list[float] = []
        for taken in runs:
            for run in taken.rounds or (taken.run,):
                times = self._times(run, taken.submission)
                if isinstance(times, Missing):
                    return times
                values += times
        return Sample(tuple(sorted(values)), METRICS[metric].quantile, "invocations")

    def _times(self, run: Run, submission: Submission) -> list[float] | Missing:
        """Of each invocation, ms; at least one."""
        subject = self._subject(run, submission)
        if isinstance(subject, Missing):
            return subject
        times = [t.invoke_ns / 1e6 for t in subject.recordings["latency"].frame_times(self.artifacts)]
        return times or Missing(f"run {run.id}: no invocation was timed")

    def _ratio(self, new: Sequence[Taken], old: Sequence[Taken]) -> Figure:
        """Of pairs: B's median over A's, round by round, so that what drifts is in both."""
        there = {taken.run.id: taken for taken in old}
        values = []
        for taken in new:
            if not taken.rounds:
                return Missing(f"run {taken.run.id} is no pair: `farm submit --pair` runs two in turn")
            for b, a in zip(taken.rounds, there[taken.run.id].rounds, strict=True):
                mine, theirs = self._times(b, taken.submission), self._times(a, taken.submission)
                if isinstance(mine, Missing):
                    return mine
                if isinstance(theirs, Missing):
                    return theirs
                values.append(float(np.median(mine) / max(np.median(theirs), LEAST_MS)))
        return Sample(tuple(sorted(values)), METRICS[RATIO].quantile, "rounds")

    def _pair(self, metric: str, new: Sequence[Taken], old: Sequence[Taken]) -> Paired | PairedMean | Missing:
        if metric not in ("top1", "top5", "score"):
            return Missing(f"{metric} is not kept frame by frame")
        both = self._both(new, old)
        if isinstance(both, Missing):
            return both
        (mine, theirs), (at_mine, at_theirs) = both
        new_scores, old_scores = mine.scores(metric), theirs.scores(metric)
        if new_scores is None or old_scores is None:
            return Missing(f"its frames tell no {metric}")
        gaps = new_scores[at_mine] - old_scores[at_theirs]
        if set(np.unique(gaps)) <= {-1.0, 0.0, 1.0} and set(np.unique(new_scores)) <= {0.0, 1.0}:
            return Paired(int((gaps > 0).sum()), int((gaps < 0).sum()), len(gaps))
        return PairedMean(float(gaps.mean()), len(gaps))

    def _difference(self, sides: dict[str, list[Taken]], whys: dict[str, str]) -> Figure:
        for side, runs in sides.items():
            if not runs:
                return Missing(whys[side])
        both = self._both(sides["new"], sides["old"])
        if isinstance(both, Missing):
            return both
        (mine, theirs), (at_mine, at_theirs) = both
        if type(mine.reading) is not type(theirs.reading):
            return Missing("new and old are of two tasks")
        same = mine.reading.take(at_mine).agreement(theirs.reading.take(at_theirs)).values
        if set(np.unique(same)) <= {0.0, 1.0}:
            return Share(int((same == 0).sum()), len(same))
        return Mean(float(1 - same.mean()), len(same))

    def _both(
        self, new: Sequence[Taken], old: Sequence[Taken]
    ) -> tuple[tuple[_Answers, _Answers], tuple[Array, Array]] | Missing:
        """The answers of both sides, and where each has the frames that both answered."""
        if not new or not old:
            return Missing("one side has no run that is done")
        mine, theirs = self._answered(new[0]), self._answered(old[0])
        if isinstance(mine, Missing):
            return mine
        if isinstance(theirs, Missing):
            return theirs
        there = {name: i for i, name in enumerate(theirs.frames)}
        common = [(i, there[name]) for i, name in enumerate(mine.frames) if name in there]
        if not common:
            return Missing(f"runs {new[0].run.id} and {old[0].run.id} have no frame in common")
        at = np.array(common, np.int64)
        return (mine, theirs), (at[:, 0], at[:, 1])

    def _answered(self, taken: Taken) -> _Answers | Missing:
        key = _opened(taken.run)
        if key not in self._answers:
            self._answers[key] = self._read(taken)
        return self._answers[key]

    def _read(self, taken: Taken) -> _Answers | Missing:
        subject = self._subject(taken.run, taken.submission)
        if isinstance(subject, Missing):
            return subject
        chosen, recording = subject.submission, subject.recordings["latency"]
        use = chosen.expected or chosen.recipe
        try:
            graph = graphs.read(self.artifacts.read(chosen.model_sha256), chosen.model_name)
            frames = [(i, chosen.frames[i]) for i in sorted(recording.frames) if i < len(chosen.frames)]
            reading = read(recording, graph, None if use is None else use.recipe, frames, self.artifacts)
        except FarmError as e:
            return Missing(f"the answers of run {taken.run.id}: {e}")
        if reading is None or not frames:
            return Missing(f"nothing tells what run {taken.run.id} answered")
        return _Answers(reading, tuple(identities(frame for _, frame in frames)))

    def _subject(self, run: Run, submission: Submission) -> Subject | Missing:
        key = _opened(run)
        if key not in self._subjects:
            why = subjects.refusal(run)
            try:
                if why:
                    self._subjects[key] = Missing(f"run {run.id}: {why}")
                else:
                    self._subjects[key] = subjects.of_run(run, submission, self.artifacts, ("latency",))
            except (FarmError, OSError) as e:
                self._subjects[key] = Missing(f"run {run.id}: {e}")
        return self._subjects[key]


def _opened(run: Run) -> _Key:
    """What tells a run from another, and a pair's rounds and variants too."""
    return run.id, run.variant, next((capture.sha256 for capture in run.captures if capture.name == "latency"), "")


def test_set(submission: Submission) -> str:
    """sha256 over the frames of a job and what is true of them, whatever their order."""
    return hashlib.sha256("\n".join(sorted(identities(submission.frames))).encode()).hexdigest()


def _done(runs: Sequence[Taken]) -> list[Taken]:
    return [taken for taken in runs if taken.run.status == "done"]


def _why(runs: Sequence[Taken]) -> str:
    errors = [f"run {t.run.id} is {t.run.status}{f': {t.run.error.message}' if t.run.error else ''}" for t in runs]
    return "; ".join(errors[:3]) or "there is no such run"


def _share(metric: str, run: Run) -> Figure:
    """From the run's document, which says how many of how many."""
    if metric == "agreement" and run.metrics is not None and run.metrics.agreement is not None:
        if run.metrics.task != "classification":
            return Mean(min(1.0, max(0.0, run.metrics.agreement.value)), run.metrics.n)
        return Share(round(run.metrics.agreement.value * run.metrics.n), run.metrics.n)
    accuracy = run.accuracy
    value = None if accuracy is None else getattr(accuracy, metric)
    if accuracy is None or value is None:
        return Missing(f"run {run.id} tells no {metric}: its frames have no labels, or it is no classifier")
    return Share(round(value * accuracy.n), accuracy.n)


def _of_runs(metric: str, runs: Sequence[Taken], other: Sequence[Taken]) -> Figure:
    """A figure a run."""
    if metric == "energy.median":
        return _energy(runs, other)
    values = []
    for taken in runs:
        value = next((f.value for f in of_runs.figures(taken.run) if f.metric == metric), None)
        if value is None:
            alone = ": submit its B alone" if taken.paired else ""
            return Missing(f"run {taken.run.id} tells no {metric}{alone}")
        values.append(value)
    return Sample(tuple(sorted(values)))


def _energy(runs: Sequence[Taken], other: Sequence[Taken]) -> Figure:
    """At the best boundary at which all runs of both sides were measured, charging or not alike."""

    def told(taken: Taken) -> dict[tuple[str, bool], Energy]:
        return {(e.boundary, e.charging): e for e in taken.run.energy if e.per_inference_mj is not None}

    every = [told(taken) for taken in (*runs, *other)]
    for boundary in BOUNDARIES:
        for charging in (False, True):
            if all((boundary, charging) in one for one in every):
                found = [one[boundary, charging].per_inference_mj for one in every[: len(runs)]]
                return Sample(tuple(sorted(value for value in found if value is not None)))
    if runs[0].paired:
        return Missing("the energy of a pair's two variants is not told apart: submit each alone")
    reasons = dict.fromkeys(e.reason for taken in runs for e in taken.run.energy if e.reason)
    return Missing("; ".join(reasons) or "no energy was measured at one boundary on all of these runs")


def _differing(new: Sequence[Taken], old: Sequence[Taken]) -> list[str]:
    """What else is not the same, from the first run of each side."""
    if not new or not old:
        return []
    mine, theirs = (of_runs.circumstances(side[0].run, {}) for side in (new, old))
    return [
        f"{name} was {theirs.get(name, 'not told')[:LONGEST]}, is {mine.get(name, 'not told')[:LONGEST]}"
        for name in sorted((mine.keys() | theirs.keys()) - UNSAID)
        if mine.get(name) != theirs.get(name)
    ]
