"""The runs that shifted beside a run of the level before, frame by frame: what each frame took, and how it was answered."""

from __future__ import annotations

import statistics
from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np

from farm.assess.subject import APP
from farm.compare.difference import difference
from farm.compare.tasks.read import read
from farm.errors import FarmError
from farm.model import graph as graphs
from farm.submission import identities
from farm.trend.compared import Beside, Paired
from farm.trend.paired import LEAST, ratios, scores

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from farm.assess.subject import Subject
    from farm.capture.recording import Recording
    from farm.store.artifacts import ArtifactStore
    from farm.trend.compared import Taken
    from farm.trend.series import Point

    Reference = Callable[[Subject], Recording | None]

NEAR = 14
"""Points on each side of a shift among which its runs are chosen."""
WHOLE = ("memory.", "energy.", "pair.")
"""Figures that no frame has alone begin with these."""
COSTS = ("latency.", *WHOLE)
"""Those that do not hang on what layers answer."""
TIME, ERROR = "time of an invocation", "error of the worst layer"


def nearest(points: Sequence[Point], level: float) -> list[Point]:
    """The most typical of a level first; of equals the newest."""
    return sorted(points, key=lambda p: (abs(p.value - level), -p.at))


def whole(metric: str) -> str:
    """Why a metric is not among what is compared; empty where it may be."""
    return f"{metric} is of a whole run: no frame has one" if metric.startswith(WHOLE) else ""


def passes(metric: str) -> tuple[str, ...]:
    """Those that tell of a metric frame by frame; `layers` are large, and read where they may say something of it."""
    return ("latency",) if metric.startswith(COSTS) else ("latency", "layers")


def beside(
    taken: Taken, new: Subject, old: Subject, artifacts: ArtifactStore, reference: Reference | None = None
) -> Beside:
    """Times, answers and layers of the frames that both have, a frame being the same by its content and its truth.

    `reference` gives what a subject's layers were compared with, or None where that is not kept any more; left out, layers are
    not asked for.
    """
    found: list[Paired] = []
    missing: list[str] = []
    tests: dict[str, Callable[[], Paired | str]] = {
        "times": lambda: _times(new, old, artifacts),
        "answers": lambda: _answers(new, old, artifacts),
    }
    if reference is not None:
        tests["layers"] = lambda: _layers(new, old, artifacts, reference)
    for what, tell in tests.items():
        try:
            told = tell()
        except (FarmError, OSError) as e:
            told = f"{what} cannot be read: {e}"
        if isinstance(told, Paired):
            found.append(told)
        else:
            missing.append(told)
    return Beside(taken=taken, paired=tuple(found), missing=tuple(missing))


def _times(new: Subject, old: Subject, artifacts: ArtifactStore) -> Paired | str:
    for subject in (new, old):
        if not {"latency", APP} & subject.captures.keys():  # others stand for it, and they were not taken to be timed
            return f"times: run {subject.run.id} keeps no capture of pass latency"
    mine, other = (_named(s, _spent(s.recordings["latency"], artifacts)) for s in (new, old))
    at = sorted(mine.keys() & other.keys())
    if len(at) < LEAST:
        return f"times: {_few(new, old, len(at))}, and {LEAST} are needed"
    told = ratios(np.array([mine[k] for k in at]), np.array([other[k] for k in at]), TIME, "ms")
    assert told is not None  # noqa: S101  # there are enough
    return told


def _answers(new: Subject, old: Subject, artifacts: ArtifactStore) -> Paired | str:
    (name, mine), (other_name, other) = (_scored(s, artifacts) for s in (new, old))
    for subject, scored in ((new, mine), (old, other)):
        if not scored:
            return f"answers: nothing tells whether run {subject.run.id} was right"
    if name != other_name:
        return f"answers: run {new.run.id} is told by {name}, run {old.run.id} by {other_name}"
    return _scores(mine, other, name) or f"answers: {_few(new, old, 0)}"


def _layers(new: Subject, old: Subject, artifacts: ArtifactStore, reference: Reference) -> Paired | str:
    mine = _worst(new, artifacts, reference)
    if isinstance(mine, str):
        return mine
    other = _worst(old, artifacts, reference)
    if isinstance(other, str):
        return other
    return _scores(mine, other, ERROR) or f"layers: {_few(new, old, 0)}"


def _scores(new: Mapping[str, float], old: Mapping[str, float], figure: str) -> Paired | None:
    at = sorted(new.keys() & old.keys())
    return scores(np.array([new[k] for k in at]), np.array([old[k] for k in at]), figure)


def _spent(recording: Recording, artifacts: ArtifactStore) -> dict[int, float]:
    """Milliseconds of each frame, of its repetitions the median; a clock that did not move counts as one nanosecond."""
    found: dict[int, list[int]] = defaultdict(list)
    for one in recording.frame_times(artifacts):
        found[one.index].append(max(1, one.invoke_ns))
    return {frame: statistics.median(spent) / 1e6 for frame, spent in found.items()}


def _scored(subject: Subject, artifacts: ArtifactStore) -> tuple[str, dict[str, float]]:
    """What a frame's score is called, and that of each frame whose truth is known."""
    chosen, recording = subject.submission, subject.recordings["latency"]
    use = chosen.expected or chosen.recipe
    graph = graphs.read(artifacts.read(chosen.model_sha256), chosen.model_name)
    frames = [(i, chosen.frames[i]) for i in sorted(recording.frames) if i < len(chosen.frames)]
    frames = [(i, frame) for i, frame in frames if frame.truth is not None]
    reading = read(recording, graph, None if use is None else use.recipe, frames, artifacts) if frames else None
    if reading is None or not reading.labelled:
        return "", {}
    told = reading.scores()
    return told.metric, _named(subject, dict(zip((i for i, _ in frames), map(float, told.values), strict=True)))


def _worst(subject: Subject, artifacts: ArtifactStore, reference: Reference) -> dict[str, float] | str:
    """nRMSE of the worst tensor of each frame that both logged in full, one frame in memory at a time; or why none is told."""
    number = subject.run.id
    if "layers" not in subject.captures:
        return f"layers: run {number} keeps no capture of pass layers"
    against = reference(subject)
    if against is None:
        return f"layers: what run {number} was compared with is not kept any more"
    chosen, layers = subject.submission, subject.recordings["layers"]
    graph = graphs.read(artifacts.read(chosen.model_sha256), chosen.model_name)
    found = {}
    for frame in sorted(layers.frames.keys() & against.frames.keys()):
        mine, other = layers.tensors(artifacts, frame), against.tensors(artifacts, frame)
        known = [t for t in mine.keys() & other.keys() if 0 <= t < len(graph.tensors)]
        if known:
            found[frame] = max(difference(mine[t], other[t], graph.tensors[t]).nrmse for t in known)
    return _named(subject, found)


def _named(subject: Subject, by_number: Mapping[int, float]) -> dict[str, float]:
    """By what tells each frame from the others."""
    names = identities(subject.submission.frames)
    return {names[number]: value for number, value in by_number.items() if 0 <= number < len(names)}


def _few(new: Subject, old: Subject, count: int) -> str:
    return f"runs {new.run.id} and {old.run.id} have {count or 'no'} frame{'s' * (count > 1)} in common"
