"""`farm diagnose`: what is wrong with a stored run, or with captures that nobody stored; nothing is run on a device."""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from farm.cli import exits, options, render, shell

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from farm.assess.assess import AssessedRun
    from farm.assess.gather import Progress
    from farm.assess.subject import Subject
    from farm.client import Client
    from farm.report.document import Job, Run
    from farm.report.pictures import InputPictures
    from farm.settings import Settings
    from farm.store.artifacts import ArtifactStore
    from farm.submission import Submission


def diagnose(
    context: typer.Context,
    what: Annotated[
        list[str],
        typer.Argument(metavar="JOB|CAPTURE...", help="JOB, JOB/RUN, or captures of one run (files, folders)."),
    ],
    model: Annotated[Path | None, typer.Option(help="Of captures: the .tflite file that ran.")] = None,
    inputs: Annotated[Path | None, typer.Option(help="Of captures: the folder of inputs, as of farm submit.")] = None,
    labels: options.Labels = None,
    recipe: options.DeviceRecipe = None,
    expected: options.Expected = None,
    reference: options.References = None,
    float_model: options.FloatModel = None,
    assertions: options.Assertions = None,
    baseline: options.Baseline = "",
    contract: options.Contract = None,
    sequence: options.Sequence = False,
    other: Annotated[
        list[str] | None,
        typer.Option(
            "--other",
            help="JOB/RUN or capture of pass layers from another device or kernel: tells a delegate's fault from a"
            " device's. May be repeated.",
        ),
    ] = None,
    html: options.Html = None,
    model_explorer: Annotated[
        Path | None, typer.Option(help="Node data for Model Explorer: FILE.running-error.json and others beside it.")
    ] = None,
    export_frames: Annotated[
        Path | None, typer.Option(help="Folder for the frames at which assertions over sequences fire.")
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Name what is wrong with a run that was captured, once more or with other references, labels and assertions.

    A job's own options hold where none are given here. Needs no device; references run on this computer.
    Exit status: 0 pass, 1 failing verdict, 2 your error, 3 infrastructure, 4 undecided, 5 our bug.
    """
    from farm.store.artifacts import ArtifactStore

    lab = shell.of(context)
    with shell.errors(lab, as_json=as_json):
        asked = Asked(
            model, inputs, labels, recipe, expected, tuple(reference or ()), float_model, tuple(assertions or ()),
            baseline, contract, sequence, tuple(other or ()),
        )  # fmt: skip
        store = ArtifactStore(lab.settings.data / "artifacts")
        job, subjects, others = opened(what, asked, lab.settings, store)
        with progress(lab) as tell:
            found = [_assessed(s, others, store, lab.settings, tell) for s in subjects]
        job = job.model_copy(update={"runs": tuple(_document(s, a) for s, a in zip(subjects, found, strict=True))})
        for s, run in zip(subjects, job.runs, strict=True):
            _compare_with_before(lab, s.run, run)
        if html is not None:
            pictures = {s.run.id: _pictures(s, a, store, lab.settings) for s, a in zip(subjects, found, strict=True)}
            job = job.model_copy(update={"report": str(html.absolute())})
            _page(html, job, pictures)
        if model_explorer is not None:
            for path in explorer_files(model_explorer, subjects, job.runs, store):
                lab.err.print(f"node data: {path}", highlight=False, markup=False, soft_wrap=True)
        if export_frames is not None:
            _export(lab, subjects, job.runs, store, export_frames)
        if as_json:
            shell.print_json(job.model_dump_json(indent=2))
        else:
            render.job(lab.out, job)
        raise typer.Exit(exits.of_job(job))


@dataclass(frozen=True)
class Asked:
    """The options that say what is assessed, and by what."""

    model: Path | None = None
    inputs: Path | None = None
    labels: Path | None = None
    recipe: Path | None = None
    expected: Path | None = None
    references: tuple[str, ...] = ()
    float_model: Path | None = None
    assertions: tuple[Path, ...] = ()
    baseline: str = ""
    contract: Path | None = None
    sequence: bool = False
    others: tuple[str, ...] = ()


@dataclass
class Reach:
    """A client of the lab, connected to when something of it is first needed: captures alone need none."""

    settings: Settings
    stack: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)
    _client: Client | None = None

    def client(self) -> Client:
        """The client."""
        from farm.client import connect

        if self._client is None:
            self._client = self.stack.enter_context(connect(self.settings))
        return self._client


def opened(
    what: Sequence[str], asked: Asked, settings: Settings, store: ArtifactStore
) -> tuple[Job, tuple[Subject, ...], tuple[Subject, ...]]:
    """The job (number 0 for captures), what is assessed of it, and what is laid beside it.

    Raises:
        FarmError: something that is named is not there, or does not fit together.
    """
    from farm.cli.subject import is_run, of_job
    from farm.errors import InputsError

    with contextlib.ExitStack() as stack:
        reach = Reach(settings, stack)
        runs = [word for word in what if is_run(word) and not Path(word).exists()]
        if runs and len(what) > 1:
            raise InputsError(
                "several things are named", where=" ".join(what), remedy="one job, or captures of one run"
            )
        if runs:
            if asked.model is not None or asked.inputs is not None or asked.recipe is not None:
                raise InputsError(
                    "a stored run has its own model, inputs and recipe", where=what[0],
                    remedy="leave --model, --inputs and --recipe out; --expected, --labels, --reference can be others",
                )  # fmt: skip
            job, subjects = of_job(what[0], reach.client(), store)
            subjects = tuple(replace(s, submission=_otherwise(s.submission, asked, reach, store)) for s in subjects)
        else:
            job, subjects = _of_captures(what, asked, reach, store)
        others = tuple(s for word in asked.others for s in _other(word, subjects[0].submission, reach, store))
        return job, subjects, others


def _of_captures(
    what: Sequence[str], asked: Asked, reach: Reach, store: ArtifactStore
) -> tuple[Job, tuple[Subject, ...]]:
    from farm.cli.subject import frames_of, of_captures
    from farm.errors import InputsError
    from farm.report.document import Job
    from farm.work.prepare import Options, RecipeFlags, check_model, prepare
    from farm.work.references import with_earlier

    if asked.model is None:
        raise InputsError("a capture does not hold its model", where=what[0], remedy="give --model")
    inputs = asked.inputs or frames_of(what, reach.stack, store)
    check_model(asked.model)
    prepared = prepare(
        asked.model, inputs, asked.labels, asked.recipe, asked.expected, RecipeFlags(),
        Options(
            references=asked.references or ("litert-ref",), float_model=asked.float_model,
            more_labels=asked.inputs is None,  # an app logs some of its frames
        ),
    )  # fmt: skip
    _keep(prepared.files.values(), store)
    submission = prepared.submission
    if prepared.references.earlier:
        submission = with_earlier(submission, prepared.references, reach.client())
    subject = of_captures(what, _yardsticks(submission, asked, reach, store), store)
    submission = subject.submission
    job = Job(
        job=0, status="done", model=submission.model_name, model_sha256=submission.model_sha256, inputs=submission.inputs,
        frames=len(submission.frames), recipe=submission.recipe.origin if submission.recipe else "",
        references=submission.references,
    )  # fmt: skip
    return job, (subject,)


def _otherwise(submission: Submission, asked: Asked, reach: Reach, store: ArtifactStore) -> Submission:
    """A stored run's submission with what is asked for instead."""
    from farm.cli.subject import fetch, relabelled
    from farm.model import recipe as recipes
    from farm.submission import RecipeUse
    from farm.work.prepare import float_twin
    from farm.work.references import parse, with_earlier

    if asked.references:
        found = parse(asked.references)
        _keep(found.files.values(), store)
        submission = submission.model_copy(update={"references": found.names, "sources": found.sources})
        submission = with_earlier(submission, found, reach.client())
        fetch([c for s in submission.sources for c in s.captures.values()], reach.client(), store)
    if asked.float_model is not None:
        twin, files = float_twin(asked.float_model)
        _keep(files.values(), store)
        submission = submission.model_copy(update={"float_twin": twin})
    if asked.expected is not None:
        use = RecipeUse(recipe=recipes.load(asked.expected), origin=str(asked.expected))
        submission = submission.model_copy(update={"expected": use})
    if asked.labels is not None:
        submission = relabelled(submission, asked.labels, store)
    return _yardsticks(submission, asked, reach, store)


def _yardsticks(submission: Submission, asked: Asked, reach: Reach, store: ArtifactStore) -> Submission:
    """With those of the options; where none are given, a stored run's own."""
    from farm.cli.subject import fetch, is_run
    from farm.work.yardsticks import read

    if not (asked.assertions or asked.baseline or asked.contract or asked.sequence):
        return submission
    own = submission
    found = read(asked.assertions, asked.baseline, asked.contract, sequence=asked.sequence)
    _keep(found.files.values(), store)
    stored = is_run(asked.baseline)
    made = found.of(submission, reach.client() if stored else None)
    if stored and made.baseline is not None:
        fetch(tuple(made.baseline.captures.values()), reach.client(), store)
    return made.model_copy(
        update={
            "assertions": made.assertions or own.assertions,
            "baseline": made.baseline or own.baseline,
            "contract": made.contract or own.contract,
            "sequence": made.sequence or own.sequence,
        }
    )


def _other(word: str, submission: Submission, reach: Reach, store: ArtifactStore) -> tuple[Subject, ...]:
    from farm.cli.subject import is_run, of_captures, of_job
    from farm.errors import InputsError

    found = of_job(word, reach.client(), store)[1] if is_run(word) else (of_captures([word], submission, store),)
    strange = [s for s in found if s.submission.model_sha256 != submission.model_sha256 or "layers" not in s.recordings]
    if strange:
        raise InputsError(
            "is of another model, or has no capture of pass layers", where=f"--other {word}", remedy="name another one"
        )
    return found


def _keep(files: Iterable[Path], store: ArtifactStore) -> None:
    for path in files:
        store.put_file(path)


def _assessed(
    subject: Subject, others: Sequence[Subject], store: ArtifactStore, settings: Settings, tell: Progress
) -> AssessedRun:
    from farm.assess.assess import assess_run

    found = subject.recordings
    return assess_run(
        subject.submission, store, settings.data / "references", found["latency"], found.get("layers"), tell,
        isolated=found.get("isolated"), profile=found.get("profile"),
        others=[s.recordings["layers"] for s in others], costs=subject.costs,
        limits=settings.assertions,
    )  # fmt: skip


def _document(subject: Subject, found: AssessedRun) -> Run:
    """The run as the farm would have concluded it."""
    from farm.assess.subject import APP

    measured = bool({"latency", APP} & subject.captures.keys())
    return subject.run.model_copy(
        update={
            "verdict": found.verdict,
            "findings": found.findings,
            "accuracy": found.accuracy,
            "metrics": found.metrics,
            "latency_ms": found.latency_ms if measured else None,
            "memory_mb": found.memory_mb if measured else None,
            "layer_types": found.layer_types,
            "comparisons": found.comparisons,
            "ladder": found.ladder,
            "quantization": found.quantization,
            "explanation": found.explanation,
            "slices": found.slices,
            "fired": found.fired,
            "partial": (*subject.run.partial, *subject.missing),
            "error": None,
            "status": "done",
        }
    )


def _compare_with_before(lab: shell.Shell, before: Run, now: Run) -> None:
    old, new = before.verdict, now.verdict
    if old is not None and new is not None and (old.kind, old.cause) != (new.kind, new.cause):
        lab.err.print(
            f"run {now.id} said {old.kind}, cause {old.cause} before; now {new.kind}, cause {new.cause}",
            highlight=False, markup=False, soft_wrap=True,
        )  # fmt: skip


def _pictures(
    subject: Subject, found: AssessedRun, store: ArtifactStore, settings: Settings
) -> tuple[InputPictures, ...]:
    from farm.assess.gather import Room
    from farm.assess.pictures import pictures

    layers, submission = subject.recordings.get("layers"), subject.submission
    if layers is None or not layers.frames or not submission.references:
        return ()
    room = Room(submission, store, settings.data / "references", None)
    reference = room.every_tensor(submission.references[0], room.frames(layers))  # cached: it was needed before
    return pictures(submission, room.graph, room.recipe, layers, reference, store, found.explanation)


def _page(file: Path, job: Job, pictures: dict[int, tuple[InputPictures, ...]]) -> None:
    from farm.report.html import render as page

    shell.write(file, page(job, pictures))


def explorer_files(file: Path, subjects: Sequence[Subject], runs: Sequence[Run], store: ArtifactStore) -> list[Path]:
    """Write a comparison's node data beside `file`, a document a column; of several runs each has its number in the name."""
    from farm.model.graph import unpack
    from farm.report.explorer import node_data

    written = []
    for subject, run in zip(subjects, runs, strict=True):
        if not run.comparisons:
            continue
        main = unpack(store.read(subject.submission.model_sha256), subject.submission.model_name).subgraphs[0].name
        graph = (main.decode(errors="replace") if isinstance(main, bytes) else main) or "main"
        stem = file.with_suffix("") if file.suffix == ".json" else file
        base = f"{stem.name}.{run.id}" if len(runs) > 1 else stem.name
        for name, document in node_data(run.comparisons[0], graph).items():
            path = stem.with_name(f"{base}.{name}.json")
            shell.write(path, json.dumps(document, indent=2) + "\n")
            written.append(path)
    return written


def _export(
    lab: shell.Shell, subjects: Sequence[Subject], runs: Sequence[Run], store: ArtifactStore, folder: Path
) -> None:
    from farm.compare.sequence import export

    for subject, run in zip(subjects, runs, strict=True):
        own = folder / f"run-{run.id}" if len(runs) > 1 else folder
        count = export(run.fired, subject.submission, store, own)
        lab.err.print(f"{count} frames where assertions fire: {own}", highlight=False, markup=False, soft_wrap=True)


@contextlib.contextmanager
def progress(lab: shell.Shell) -> Iterator[Progress]:
    """Tell the stage and its frames: live on a terminal, a line a stage elsewhere. Ctrl-C ends between two frames."""
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    said = ""
    with Bar(*columns, console=lab.err, transient=True, disable=not lab.err.is_terminal) as bar:
        task = bar.add_task("", total=None)

        def tell(stage: str, done: int, of: int, /) -> None:
            nonlocal said
            bar.update(task, description=stage, completed=done, total=of or None)
            if stage != said and not lab.err.is_terminal:
                lab.err.print(stage, highlight=False, markup=False)
            said = stage

        yield tell
