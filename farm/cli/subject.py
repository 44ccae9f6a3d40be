"""What `farm diagnose` and `farm compare` look at: a stored run, or captures that nobody stored, with what was submitted."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from farm import inputs as folder
from farm.assess import app as apps
from farm.assess import subject as subjects
from farm.assess.subject import APP, captures_of, of_run, recorded, refusal, submission_of
from farm.capture.opened import find
from farm.errors import CaptureError, InputsError
from farm.model import graph as graphs
from farm.store.inventory import inputs_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import ExitStack

    from farm.assess.subject import Subject
    from farm.capture.recording import Recording
    from farm.client import Client
    from farm.report.document import Job
    from farm.store.artifacts import ArtifactStore
    from farm.submission import Submission

RUN = re.compile(r"([0-9]{1,9})(?:/([0-9]{1,9}))?")


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
    reasons = {run.id: refusal(run) for run in runs}
    usable = [run for run in runs if not reasons[run.id]]
    if not usable:
        why = "; ".join(f"run {number}: {reason}" for number, reason in reasons.items())
        raise InputsError(f"nothing can be diagnosed: {why}", where=f"job {job.job}", remedy=f"farm show {job.job}")
    submitted = client.submission(job.job)
    for run in usable:
        fetch(
            (*captures_of(run).values(), *inputs_of(submission_of(run, submitted).model_dump(mode="json"))),
            client,
            artifacts,
        )
    return job, tuple(of_run(run, submitted, artifacts) for run in usable)


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
            recording = recorded(file, "", artifacts, str(file))
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
    return subjects.of_captures(read_captures(words, artifacts), submission, artifacts)


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
    from farm.submission import InputFrame, Submission
    from farm.work.prepare import RecipeFlags, find_recipes

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


def relabelled(submission: Submission, labels: Path, artifacts: ArtifactStore) -> Submission:
    """With what a file of labels says of its frames, instead of what was said before.

    Raises:
        InputsError: it names none of them.
    """
    graph = graphs.read(artifacts.read(submission.model_sha256), submission.model_name)
    truth = folder.read_truth(labels, graph.classes)
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
