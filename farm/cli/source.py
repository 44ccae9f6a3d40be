"""What `farm play` plays: the frames of a stored run or of an app's own capture, with what it takes to run them again."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from farm.api.messages import NotFoundError, is_sha256
from farm.assess import app as apps
from farm.assess import sensors
from farm.assess.subject import APP
from farm.cli.subject import fetch, frames_of, is_run, of_captures, of_job, read_captures, relabelled
from farm.errors import InputsError, RecipeError
from farm.model import graph as graphs
from farm.model import recipe as recipes
from farm.model.recipe import Recipe
from farm.submission import RecipeUse, Submission, Terms
from farm.work.prepare import Options, RecipeFlags, check_model, choose_recipes, prepare
from farm.work.references import parse, with_earlier

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from contextlib import ExitStack

    from farm.assess.sensors import Reading
    from farm.assess.subject import Subject
    from farm.capture.recording import Recording
    from farm.cli.diagnose import Reach
    from farm.store.artifacts import ArtifactStore

LOOKED_THROUGH = 200
"""Of the newest jobs: for the one that a capture or a model is of."""


@dataclass(frozen=True)
class Asked:
    """The options that say with what the frames are played."""

    model: Path | None = None
    inputs: Path | None = None
    labels: Path | None = None
    recipe: Path | None = None
    expected: Path | None = None
    flags: RecipeFlags = field(default_factory=RecipeFlags)
    references: tuple[str, ...] = ()
    changes: Mapping[str, object] = field(default_factory=dict)
    """Fields of the submission that are given; the others are a stored run's own, else as of `farm submit`."""


@dataclass(frozen=True)
class Source:
    """What was captured, and what is played of it. The store has all files."""

    name: str
    subject: Subject
    submission: Submission
    """With all frames there are to play; no selector."""
    readings: Sequence[Reading] = ()


def opened(word: str, asked: Asked, reach: Reach, store: ArtifactStore) -> Source:
    """What `word` names: JOB/RUN, a capture's path, or the sha256 of a stored one.

    Raises:
        FarmError: there is none, nothing tells its model or its inputs, or options do not fit it.
    """
    if is_run(word) and not Path(word).exists():
        return _of_run(word, asked, reach, store)
    if is_sha256(word) and not store.has(word):
        fetch([word], reach.client(), store)
    read = read_captures([word], store)
    if APP in read:
        return _of_app(word, read[APP][1], asked, reach, store)
    if asked.model is not None and asked.inputs is not None:
        return _of_folder(word, asked.inputs, asked, reach, store)
    found = _run_of({sha256 for sha256, _ in read.values()}, {r.header.model_sha256 for _, r in read.values()}, reach)
    if not found:
        raise InputsError(
            "holds no inputs, and this lab knows no run that left it", where=word,
            remedy="give the --model and the --inputs it was made from, or JOB/RUN",
        )  # fmt: skip
    return replace(_of_run(found, asked, reach, store), name=word)


def _of_run(word: str, asked: Asked, reach: Reach, store: ArtifactStore) -> Source:
    if asked.model is not None or asked.inputs is not None:
        raise InputsError(
            "a stored run has its own model and inputs", where=word, remedy="leave --model and --inputs out"
        )
    _, found = of_job(word, reach.client(), store)
    if len(found) > 1:
        ids = ", ".join(f"{word}/{s.run.id}" for s in found)
        raise InputsError(f"has {len(found)} runs", where=f"job {word}", remedy=f"one of {ids}")
    (subject,) = found
    submission = _recipes(subject.submission, asked, store)
    if asked.labels is not None:
        submission = relabelled(submission, asked.labels, store)
    source = Source(word, subject, _changed(submission, asked, reach, store))
    if APP not in subject.captures:
        return source
    app = read_captures([subject.captures[APP]], store)[APP][1]
    return replace(source, readings=_readings(app, source.submission, store))


def _of_app(word: str, app: Recording, asked: Asked, reach: Reach, store: ArtifactStore) -> Source:
    """From the frames that the app logged as they came in, or the folder that is given."""
    stack, known = reach.stack, None
    if asked.model is None:
        known = _job_of_model(app.header.model_sha256, reach)
        asked = replace(asked, model=_stored_model(word, app.header.model_sha256, known, reach, store, stack))
    frames = asked.inputs or frames_of([word], stack, store)
    source = _of_folder(word, frames, asked, reach, store, known)
    called = apps.called(app, source.submission, store)
    in_order = tuple(called[index] for index in sorted(called))  # a folder sorts them by name
    submission = source.submission.model_copy(update={"frames": in_order})
    return replace(source, submission=submission, readings=_readings(app, submission, store))


def _readings(app: Recording, submission: Submission, store: ArtifactStore) -> Sequence[Reading]:
    names = {index: frame.name for index, frame in apps.called(app, submission, store).items()}
    return sensors.readings(app, names, store)


def _of_folder(
    word: str, frames: Path, asked: Asked, reach: Reach, store: ArtifactStore, known: Submission | None = None
) -> Source:
    """Captures of a model that is a file, and of inputs in a folder."""
    assert asked.model is not None  # noqa: S101  # whoever calls looked
    check_model(asked.model)
    here = asked if known is None else Asked()
    prepared = prepare(
        asked.model, frames, asked.labels, here.recipe, here.expected, here.flags,
        Options(more_labels=asked.inputs is None),  # an app logs some of its frames
    )  # fmt: skip
    for file in prepared.files.values():
        store.put_file(file)
    submission = prepared.submission.model_copy(update={"inputs": word})
    if known is not None:
        own = known.expected or known.recipe  # what that job's device did may be what is wrong
        submission = _recipes(submission.model_copy(update={"recipe": own or submission.recipe}), asked, store)
    subject = of_captures([word], submission, store)
    return Source(word, subject, _changed(submission, asked, reach, store))


def _recipes(submission: Submission, asked: Asked, store: ArtifactStore) -> Submission:
    """With other recipes, where they are asked for.

    Raises:
        RecipeError: one is wrong.
    """
    use, right, words = submission.recipe, submission.expected or submission.recipe, asked.flags.words()
    if asked.recipe is not None or (words and use is None):
        model = store.path(submission.model_sha256)
        graph = graphs.read(store.read(submission.model_sha256), submission.model_name)
        chosen = choose_recipes(model, graph, asked.recipe, None, asked.flags, submission.frames[0])
        for file in chosen.files.values():
            store.put_file(file)
        use = chosen.deployed
    elif words and use is not None:
        try:
            changed = Recipe.model_validate(use.recipe.model_dump(exclude_unset=True) | words)
        except ValidationError as e:
            first = e.errors()[0]
            raise RecipeError(first["msg"], where=f"--{first['loc'][0]}", remedy="see farm play --help") from e
        use = RecipeUse(recipe=changed, origin=f"flags over {use.origin}")
    if asked.expected is not None:
        right = RecipeUse(recipe=recipes.load(asked.expected), origin=str(asked.expected))
    if use is None or right is None or right.recipe == use.recipe:
        right = None
    return submission.model_copy(update={"recipe": use, "expected": right})


def _changed(submission: Submission, asked: Asked, reach: Reach, store: ArtifactStore) -> Submission:
    """With the options that are given, and nothing of when and where it once ran.

    Raises:
        InputsError: an option makes no sense.
        FarmError: no such reference.
    """
    if asked.references:
        submission = referred(submission, asked.references, reach, store)
    own = {"terms": Terms().model_dump(), "selector": "", "variants": (), "app": None}
    try:
        return Submission.model_validate(submission.model_dump() | own | dict(asked.changes))
    except ValidationError as e:
        first = e.errors()[0]
        raise InputsError(
            f"{'.'.join(map(str, first['loc']))}: {first['msg']}", where="farm play", remedy="see farm play --help"
        ) from e


def referred(submission: Submission, words: Sequence[str], reach: Reach, store: ArtifactStore) -> Submission:
    """With other references; their files are stored.

    Raises:
        FarmError: no such reference, or a file of it cannot be read.
    """
    found = parse(words)
    for file in found.files.values():
        store.put_file(file)
    submission = submission.model_copy(update={"references": found.names, "sources": found.sources})
    if found.earlier:
        submission = with_earlier(submission, found, reach.client())
        fetch([c for s in submission.sources for c in s.captures.values()], reach.client(), store)
    return submission


def _run_of(captures: set[str], models: set[str], reach: Reach) -> str:
    """JOB/RUN of the stored run that left one of these captures; empty where none of the newest did."""
    client = reach.client()
    jobs = client.jobs(LOOKED_THROUGH)
    for job in sorted(jobs, key=lambda job: job.model_sha256 not in models):  # pass `layers` ran an instrumented one
        for run in client.job(job.job).runs:
            if any(link.sha256 in captures for link in run.captures):
                return f"{job.job}/{run.id}"
    return ""


def _job_of_model(sha256: str, reach: Reach) -> Submission | None:
    """What was submitted last with this model, as its first configuration."""
    client = reach.client()
    number = next((job.job for job in client.jobs(LOOKED_THROUGH) if job.model_sha256 == sha256), None)
    return None if number is None else client.submission(number).configurations()[0][1]


def _stored_model(
    word: str, sha256: str, known: Submission | None, reach: Reach, store: ArtifactStore, stack: ExitStack
) -> Path:
    """The model an app ran, under its name, as long as the stack is open.

    Raises:
        InputsError: the capture does not tell it, or it is not stored.
    """
    if not sha256:
        raise InputsError("the capture does not tell its model", where=word, remedy="give --model")
    try:
        fetch([sha256], reach.client(), store)
    except NotFoundError as e:
        raise InputsError(f"its model {sha256[:12]} is not stored", where=word, remedy="give --model") from e
    name = Path(known.model_name).name if known is not None else f"{sha256[:12]}.tflite"
    path = Path(stack.enter_context(tempfile.TemporaryDirectory())) / name
    path.symlink_to(store.path(sha256))
    return path
