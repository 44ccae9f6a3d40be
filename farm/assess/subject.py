"""One run as it is assessed again, or laid beside another: its recordings, and what was submitted."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from farm.assess import app as apps
from farm.assess.baseline import NO_COSTS, Costs
from farm.capture.ingest import record
from farm.capture.recording import load
from farm.compare.pairing import Side
from farm.errors import CaptureError, InputsError
from farm.model import graph as graphs
from farm.report.document import CaptureLink, Run, Target

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from pathlib import Path

    from farm.capture.recording import Recording, TensorSpec
    from farm.model.graph import Graph
    from farm.store.artifacts import ArtifactStore
    from farm.submission import InputFrame, Submission

PASSES = ("latency", "profile", "layers", "isolated")
ISOLATED = ("isolated",)
APP = "app"
"""The pass that an app's own pipeline is."""


@dataclass(frozen=True)
class Subject:
    """One run, ready to be assessed: all files it names are in the store it was opened with."""

    run: Run
    """As the lab has it; of captures, what their headers tell."""
    submission: Submission
    recordings: Mapping[str, Recording]
    """By pass; `latency` is always there."""
    costs: Costs = NO_COSTS
    missing: tuple[str, ...] = ()
    """What cannot be told, and why."""
    captures: Mapping[str, str] = field(default_factory=dict)
    """Pass -> sha256 of the MCAP file."""


def refusal(run: Run) -> str:
    """Why a run cannot be looked at; empty where it can."""
    if run.pair is not None:
        return "it is a pair, and pairs log answers alone; farm show has them"
    kept = [c for c in run.captures if c.name in (*PASSES, APP) and not c.removed]
    if not run.captures:
        return f"it is {run.status} and left no captures"
    if not any(c.name in ("latency", "layers", APP) for c in kept):
        return "its captures were removed by retention"
    return ""


def submission_of(run: Run, submitted: Submission) -> Submission:
    """What the run was asked: its configuration of the job's."""
    return next((s for name, s in submitted.configurations() if name == run.variant), submitted)


def captures_of(run: Run) -> dict[str, str]:
    """Pass -> sha256 of the captures that are still there."""
    return {c.name: c.sha256 for c in run.captures if c.name in (*PASSES, APP) and not c.removed}


def of_run(
    run: Run, submitted: Submission, artifacts: ArtifactStore, passes: Collection[str] = (*PASSES, APP)
) -> Subject:
    """A stored run of a job, of whose captures the store has those of `passes`; `refusal` saw that there are some.

    Raises:
        CaptureError: a capture cannot be read, or none of these passes tells answers.
        StorageError: a file was removed.
    """
    chosen, source = submission_of(run, submitted), f"device:{run.target.serial}" if run.target is not None else ""
    captures = {name: sha256 for name, sha256 in captures_of(run).items() if name in (*passes, APP)}
    recordings = {
        name: recorded(artifacts.path(sha256), source, artifacts, f"run {run.id}, pass {name}")
        for name, sha256 in captures.items()
    }
    if APP in recordings:
        graph = graphs.read(artifacts.read(chosen.model_sha256), chosen.model_name)
        chosen, found = apps.matched(_named(recordings.pop(APP), run), graph, chosen, artifacts)
        recordings = found | recordings
    return _ready(Subject(run, chosen, recordings, Costs(run.energy, run.throttled), captures=captures))


def _named(recording: Recording, run: Run) -> Recording:
    """An app's recording with what it cannot know of its device."""
    known = {} if run.target is None else {"serial": run.target.serial, "kind": run.target.kind}
    header = recording.header.model_copy(update={"labels": recording.header.labels | known})
    return recording.model_copy(update={"header": header})


def of_captures(read: Mapping[str, tuple[str, Recording]], submission: Submission, artifacts: ArtifactStore) -> Subject:
    """Captures of one run (pass -> sha256 and recording), and what would have been submitted for it.

    The store has the submission's files already.

    Raises:
        CaptureError: they are of another model.
        InputsError: they hold frames that the submission lacks.
    """
    recordings = {name: recording for name, (_, recording) in read.items()}
    graph = graphs.read(artifacts.read(submission.model_sha256), submission.model_name)
    if APP in recordings:
        submission, passes = apps.matched(recordings.pop(APP), graph, submission, artifacts)
        recordings = passes | recordings
    for word, recording in recordings.items():
        fits(recording, graph, submission, word)
    first = next(iter(recordings.values())).header
    kind = first.labels.get("kind", "unknown")
    target = Target.model_validate({
        "serial": first.labels.get("serial") or "capture",
        "abi": first.abi,
        "kind": kind if kind in ("virtual", "phone", "emulator") else "unknown",
    })  # fmt: skip
    run = Run(
        id=0, target=target, status="done",
        captures=tuple(
            CaptureLink(
                name=name, sha256=sha256, bytes=artifacts.path(sha256).stat().st_size, complete=recording.complete,
                path=str(artifacts.path(sha256)),
            )
            for name, (sha256, recording) in read.items()
        ),
        conditions={"kernel": first.kernel, "threads": str(first.threads), "model": submission.model_sha256[:12]},
    )  # fmt: skip
    frames = placed(submission.frames, recordings.values(), artifacts)
    source = f"device:{target.serial}"
    named = {
        name: r.model_copy(update={"header": r.header.model_copy(update={"source": source})})
        for name, r in recordings.items()
    }
    chosen = submission.model_copy(update={"frames": frames, "kernel": first.kernel or "delegate"})
    return _ready(Subject(run, chosen, named, captures={name: sha256 for name, (sha256, _) in read.items()}))


def fits(recording: Recording, graph: Graph, submission: Submission, where: str) -> None:
    """See that a recording is of the model.

    Raises:
        CaptureError: its tensors are others'.
    """
    header = recording.header
    plain = header.pass_ in ("latency", "profile")
    if plain and header.model_sha256 == submission.model_sha256:
        return
    strange = [s.name or str(s.tensor) for s in recording.specs if not _same(s, graph)]
    if header.pass_ in ISOLATED:  # every edge is broken in that model: its indices are its own
        strange = []
    if plain or strange:
        told = f"its tensor {strange[0]!r} is none of this model's" if strange else f"it ran {header.model_sha256[:12]}"
        raise CaptureError(
            f"is of another model: {told}", where=f"the capture of pass {where}",
            remedy=f"give its model instead of {submission.model_name}",
        )  # fmt: skip


def _same(spec: TensorSpec, graph: Graph) -> bool:
    """Whether a logged tensor may be the model's of its index; one without an index may be any."""
    if not 0 <= spec.tensor < len(graph.tensors):
        return spec.tensor < 0
    tensor = graph.tensors[spec.tensor]
    if tensor.name != spec.name and spec.name:
        return False
    if tensor.dtype not in ("unsupported", spec.dtype):
        return False
    return len(tensor.scale) == len(spec.scale) and bool(np.allclose(tensor.scale, spec.scale, rtol=1e-4, atol=0))


def placed(
    frames: Sequence[InputFrame], recordings: Iterable[Recording], artifacts: ArtifactStore
) -> tuple[InputFrame, ...]:
    """Frames in the order in which the captures count them: by their names where the captures tell them, else as given.

    Raises:
        InputsError: a capture holds a frame that is none of these.
    """
    names: dict[int, str] = {}
    highest = -1
    for recording in recordings:
        highest = max(highest, max(recording.frames, default=-1))
        if recording.header.pass_ not in ISOLATED:
            names |= {t.index: t.name for t in recording.frame_times(artifacts) if t.name}
    if all(i < len(frames) and frames[i].name == name for i, name in names.items()) and highest < len(frames):
        return tuple(frames)
    if not names:
        raise InputsError(
            f"the captures count {highest + 1} frames, and tell no names", where="--inputs",
            remedy=f"give the folder they were made from; this one holds {len(frames)}",
        )  # fmt: skip
    by_name = {frame.name: frame for frame in frames}
    lost = sorted(set(names.values()) - by_name.keys())
    if lost:
        raise InputsError(
            f"{len(lost)} of the captures' {len(set(names.values()))} frames are not there, first {lost[0]}",
            where="--inputs", remedy="give the folder they were made from",
        )  # fmt: skip
    # No capture holds the frames in between: whatever stands there is never looked at.
    return tuple(by_name[names[i]] if i in names else frames[0] for i in range(max((highest, *names)) + 1))


def recorded(file: Path, source: str, artifacts: ArtifactStore, where: str) -> Recording:
    """A capture, taken in.

    Raises:
        CaptureError: it is none, or was cut off before its header was whole.
    """
    made = record(file, source, artifacts)
    if made is None:
        raise CaptureError("was cut off before its header was whole", where=where, remedy="there is nothing to read")
    return load(artifacts, made)


def _ready(subject: Subject) -> Subject:
    """With answers: where the latency pass is missing, those of the `layers` pass stand for them."""
    recordings = dict(subject.recordings)
    missing = [
        f"the capture of pass {name} was cut off; what is whole counts"
        for name, r in recordings.items()
        if not r.complete
    ]
    if "layers" not in recordings:
        missing.append("no capture of pass layers: nothing is said of layers and inputs")
    if "latency" not in recordings:
        if "layers" not in recordings:
            raise CaptureError(
                "neither the pass latency nor layers is there", where=", ".join(recordings),
                remedy="answers and layers come from those: give one of them",
            )  # fmt: skip
        layers = recordings["layers"]
        recordings["latency"] = layers
        missing.append(
            f"no capture of pass latency: answers are those of the {len(layers.frames)} frames of pass layers, and "
            "times and memory are not told"
        )
    return replace(subject, recordings=recordings, missing=tuple(missing))


def side(word: str, subject: Subject, store: ArtifactStore) -> Side:
    """The subject as one of two that are compared; `word` is what it was named by."""
    recordings = dict(subject.recordings)
    if not {"latency", APP} & subject.captures.keys():  # others stand for it, and they were not taken to be timed
        recordings.pop("latency", None)
    return side_of(word, subject.submission, recordings, store)


def side_of(word: str, submission: Submission, recordings: Mapping[str, Recording], store: ArtifactStore) -> Side:
    """Recordings of a submission's model as one of two that are compared."""
    use = submission.expected or submission.recipe
    return Side(
        name=word,
        model=submission.model_name,
        model_sha256=submission.model_sha256,
        graph=graphs.read(store.read(submission.model_sha256), submission.model_name),
        recordings=recordings,
        frames=submission.frames,
        recipe=None if use is None else use.recipe,
        classes=submission.labels,
    )
