"""What `farm diagnose` and `farm compare` look at: a stored run, or captures that nobody stored, with what was submitted."""

from __future__ import annotations

import re
import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from farm import inputs as folder
from farm.assess import app as apps
from farm.assess.baseline import NO_COSTS, Costs
from farm.capture.ingest import record
from farm.capture.opened import find
from farm.capture.recording import load
from farm.errors import CaptureError, InputsError
from farm.model import graph as graphs
from farm.report.document import CaptureLink, Job, Run, Target
from farm.run.preflight import classes_of
from farm.store.inventory import inputs_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from contextlib import ExitStack

    from farm.capture.recording import Recording, TensorSpec
    from farm.client import Client
    from farm.model.graph import Graph
    from farm.store.artifacts import ArtifactStore
    from farm.submission import InputFrame, Submission

RUN = re.compile(r"([0-9]{1,9})(?:/([0-9]{1,9}))?")
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


def is_run(word: str) -> bool:
    """Whether a word names a stored run (`JOB` or `JOB/RUN`) rather than a file."""
    return RUN.fullmatch(word) is not None


def of_job(word: str, client: Client, artifacts: ArtifactStore) -> tuple[Job, tuple[Subject, ...]]:
    """The job, and those of its runs that `JOB` or `JOB/RUN` names and that left captures. Files of a lab elsewhere are fetched.

    Raises:
        FarmError: there is no such job.
        InputsError: it has no such run, or none that can be looked at; says why.
    """
    match = RUN.fullmatch(word)
    assert match is not None  # noqa: S101  # `is_run` saw to it
    job = client.job(int(match[1]))
    runs = [run for run in job.runs if match[2] is None or run.id == int(match[2])]
    if not runs:
        known = ", ".join(f"{job.job}/{run.id}" for run in job.runs)
        raise InputsError(f"job {job.job} has no run {match[2]}", where=word, remedy=f"one of {known}")
    reasons = {run.id: _refusal(run) for run in runs}
    usable = [run for run in runs if not reasons[run.id]]
    if not usable:
        why = "; ".join(f"run {number}: {reason}" for number, reason in reasons.items())
        raise InputsError(f"nothing can be diagnosed: {why}", where=f"job {job.job}", remedy=f"farm show {job.job}")
    submitted = client.submission(job.job)
    return job, tuple(_of_run(run, submitted, client, artifacts) for run in usable)


def _refusal(run: Run) -> str:
    """Why a run cannot be looked at; empty where it can."""
    if run.pair is not None:
        return "it is a pair, and pairs log answers alone; farm show has them"
    kept = [c for c in run.captures if c.name in (*PASSES, APP) and not c.removed]
    if not run.captures:
        return f"it is {run.status} and left no captures"
    if not any(c.name in ("latency", "layers", APP) for c in kept):
        return "its captures were removed by retention"
    return ""


def _of_run(run: Run, submitted: Submission, client: Client, artifacts: ArtifactStore) -> Subject:
    chosen = next((s for name, s in submitted.configurations() if name == run.variant), submitted)
    captures = {c.name: c.sha256 for c in run.captures if c.name in (*PASSES, APP) and not c.removed}
    fetch((*captures.values(), *inputs_of(chosen.model_dump(mode="json"))), client, artifacts)
    source = f"device:{run.target.serial}" if run.target is not None else ""
    recordings = {
        name: _recorded(artifacts.path(sha256), source, artifacts, f"run {run.id}, pass {name}")
        for name, sha256 in captures.items()
    }
    if APP in recordings:
        graph = graphs.read(artifacts.read(chosen.model_sha256), chosen.model_name)
        chosen, passes = apps.matched(_named(recordings.pop(APP), run), graph, chosen, artifacts)
        recordings = passes | recordings
    return _ready(Subject(run, chosen, recordings, Costs(run.energy, run.throttled), captures=captures))


def _named(recording: Recording, run: Run) -> Recording:
    """An app's recording with what it cannot know of its device."""
    known = {} if run.target is None else {"serial": run.target.serial, "kind": run.target.kind}
    header = recording.header.model_copy(update={"labels": recording.header.labels | known})
    return recording.model_copy(update={"header": header})


def fetch(wanted: Sequence[str], client: Client, artifacts: ArtifactStore) -> None:
    """Have these files here: those that are not in the store come from the client's lab.

    Raises:
        FarmError: the lab does not have one either.
    """
    for sha256 in dict.fromkeys(wanted):
        if not artifacts.use(sha256):
            artifacts.put_stream((client.artifact(sha256),), expected=sha256)


def read_captures(words: Sequence[str], artifacts: ArtifactStore) -> dict[str, tuple[str, Recording]]:
    """Pass -> sha256 and recording of captures, folders of them, or stored ones by sha256.

    Raises:
        CaptureError: one is none, was cut off before its header was whole, or two are of one pass.
    """
    found: dict[str, tuple[str, Recording]] = {}
    for word in words:
        path = find_path(word, artifacts)
        for file in sorted(path.glob("*.mcap")) if path.is_dir() else [path]:
            recording = _recorded(file, "", artifacts, str(file))
            name = recording.header.pass_
            if name in found:
                raise CaptureError(
                    f"is a second capture of the pass {name}", where=str(file), remedy="give one of each pass"
                )
            found[name] = artifacts.put_file(file), recording
    if not found:
        raise CaptureError("holds no .mcap file", where=", ".join(words), remedy="name a capture")
    return found


def find_path(word: str, artifacts: ArtifactStore) -> Path:
    """A folder, a file, or a stored artifact.

    Raises:
        CaptureError: there is none.
    """
    return Path(word) if Path(word).is_dir() else find(word, artifacts)


def of_captures(words: Sequence[str], submission: Submission, artifacts: ArtifactStore) -> Subject:
    """Captures of one run, and what would have been submitted for it. The store has the submission's files already.

    Raises:
        CaptureError: as `read_captures`, or they are of another model.
        InputsError: they hold frames that the submission lacks.
    """
    read = read_captures(words, artifacts)
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


def frames_of(what: Sequence[str], stack: ExitStack, artifacts: ArtifactStore) -> Path:
    """A folder, as long as the stack is open, of the raw frames that an app's capture holds.

    Raises:
        InputsError: there are none.
    """
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    read = read_captures(what, artifacts)
    if APP not in read or not apps.write_frames(read[APP][1], folder, artifacts):
        raise InputsError(
            "the capture does not hold its inputs", where=what[0],
            remedy=f"give --inputs; an app's capture holds them where it logs an element named {apps.RAW}",
        )  # fmt: skip
    return folder


def named_only(words: Sequence[str], model: Path, recipe: Path | None, artifacts: ArtifactStore) -> Submission:
    """A submission of the frames that captures name, without the inputs themselves: enough to compare what was logged.

    Raises:
        CaptureError: as `read_captures`.
    """
    from farm.cli.submit import RecipeFlags, find_recipes
    from farm.submission import InputFrame, Submission

    names: dict[int, str] = {}
    highest = 0
    for _, recording in read_captures(words, artifacts).values():
        highest = max(highest, *recording.frames, 0)
        names |= {t.index: t.name for t in recording.frame_times(artifacts)}
    use, expected = find_recipes(model, graphs.read_file(model), recipe, None, RecipeFlags())
    frames = tuple(InputFrame(name=names.get(i, ""), kind="tensor", sha256=()) for i in range(highest + 1))
    return Submission(
        model_name=model.name, model_sha256=artifacts.put_file(model), frames=frames, recipe=use, expected=expected
    )


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


def relabelled(submission: Submission, labels: Path, artifacts: ArtifactStore) -> Submission:
    """With what a file of labels says of its frames, instead of what was said before.

    Raises:
        InputsError: it names none of them.
    """
    graph = graphs.read(artifacts.read(submission.model_sha256), submission.model_name)
    truth = folder.read_truth(labels, classes_of(graph))
    for path in truth.files.values():
        artifacts.put_file(path)
    named = [f for f in submission.frames if f.name]  # captures do not tell the names of frames that they lack
    bare = [f.name for f in named if truth.key(f.name) not in truth.by_file]
    if bare:
        raise InputsError(
            f"{len(bare)} of {len(named)} inputs have no label, first {bare[0]}", where=str(labels),
            remedy="label every input",
        )  # fmt: skip
    empty = {"label": None, "boxes": None, "mask": None, "values": None}
    frames = [
        type(f).model_validate(f.model_dump() | empty | truth.by_file.get(truth.key(f.name), {}))
        for f in submission.frames
    ]
    names = truth.names
    words = tuple(names.get(i, "") for i in range(max(names) + 1)) if names else submission.labels
    return submission.model_copy(update={"frames": tuple(frames), "labels": words})


def _recorded(file: Path, source: str, artifacts: ArtifactStore, where: str) -> Recording:
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
