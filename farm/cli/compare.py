"""`farm compare`: any two of runs, captures and references, of one model or of a model and its twin."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from farm.cli import options, shell

if TYPE_CHECKING:
    from farm.assess.gather import Progress
    from farm.assess.subject import Subject
    from farm.cli.diagnose import Reach
    from farm.compare.pairing import Side
    from farm.settings import Settings
    from farm.store.artifacts import ArtifactStore
    from farm.submission import Submission

DIFFERS = 1
LAYER_FRAMES = 8
"""That a reference logs every layer of, where the other side does not say which."""


def compare(
    context: typer.Context,
    a: Annotated[str, typer.Argument(help="JOB/RUN, a capture, a folder of one run's captures, or a reference.")],
    b: Annotated[str, typer.Argument(help="Another; it stands where a reference stands.")],
    model: Annotated[Path | None, typer.Option(help="The .tflite file, where neither is a stored run.")] = None,
    model_b: Annotated[Path | None, typer.Option(help="B's, where it is another: the float twin, for example.")] = None,
    inputs: Annotated[Path | None, typer.Option(help="Folder of inputs: references need it, captures do not.")] = None,
    labels: options.Labels = None,
    recipe: options.DeviceRecipe = None,
    html: options.Html = None,
    as_json: options.Json = False,
) -> None:
    """Compare layers, answers and times of two recordings; where they part, in one line.

    Frames are matched by name, tensors of two models by name, weights and structure. Needs no device.
    Exit status: 0 they agree, 1 they differ, 2 your error, 3 infrastructure.
    """
    from farm.cli.diagnose import Reach, progress
    from farm.cli.render_pairing import pairing as render
    from farm.compare.pairing import compare as put_beside
    from farm.report.html import render_pairing
    from farm.store.artifacts import ArtifactStore

    lab = shell.of(context)
    with shell.errors(lab, as_json=as_json):
        store = ArtifactStore(lab.settings.data / "artifacts")
        with contextlib.ExitStack() as stack, progress(lab) as tell:
            asked = _Asked(model, model_b, inputs, labels, recipe)
            sides = _Sides(asked, store, lab.settings, Reach(lab.settings, stack), tell).both(a, b)
            found = put_beside(*sides, store)
        if html is not None:
            shell.write(html, render_pairing(found))
        if as_json:
            shell.print_json(found.model_dump_json(indent=2))
        else:
            render(lab.out, found)
            if html is not None:
                lab.out.print(f"report: {html.absolute()}", highlight=False, markup=False, soft_wrap=True)
        raise typer.Exit(DIFFERS if found.differs else 0)


@dataclass(frozen=True)
class _Asked:
    model: Path | None
    model_b: Path | None
    inputs: Path | None
    labels: Path | None
    recipe: Path | None


@dataclass
class _Sides:
    """From two words to two sides. What one side does not tell comes from the options, else from the other side."""

    asked: _Asked
    store: ArtifactStore
    settings: Settings
    reach: Reach
    tell: Progress
    _subjects: dict[str, Subject] = field(default_factory=dict)

    def both(self, a: str, b: str) -> tuple[Side, Side]:
        """Stored runs and captures first: references are asked for the frames that those have."""
        from farm.cli.subject import is_run

        words = {"A": a, "B": b}
        for letter, word in sorted(
            words.items(), key=lambda item: not is_run(item[1])
        ):  # captures may be of a run's model
            found = self._subject(letter, word)
            if found is not None:
                self._subjects[letter] = found
        first, second = (self._side(letter, word) for letter, word in words.items())
        return first, second

    def _subject(self, letter: str, word: str) -> Subject | None:
        """A stored run, or captures; None for a reference."""
        from farm.api.messages import is_sha256
        from farm.cli.subject import is_run, of_captures, of_job
        from farm.errors import InputsError

        path = Path(word)
        if is_run(word) and not path.exists():
            _, found = of_job(word, self.reach.client(), self.store)
            if len(found) > 1:
                ids = ", ".join(f"{word}/{s.run.id}" for s in found)
                raise InputsError(f"has {len(found)} runs", where=f"job {word}", remedy=f"one of {ids}")
            return found[0]
        if path.exists() or path.suffix == ".mcap" or is_sha256(word):
            return of_captures([word], self._submission(letter, word), self.store)
        return None

    def _side(self, letter: str, word: str) -> Side:
        from farm.assess.gather import Room
        from farm.assess.subject import side
        from farm.cli import sides
        from farm.run.steps import spread

        subject = self._subjects.get(letter)
        if subject is not None:
            return side(word, subject, self.store)
        submission, name = self._referred(letter, word)
        other = next((s for s in self._subjects.values()), None)
        room = Room(submission, self.store, self.settings.data / "references", self.tell)
        known = None if other is None else other.recordings.get("layers")
        layered = room.frames(known) if known is not None else tuple(spread(submission, LAYER_FRAMES))
        answered = (
            room.frames(other.recordings["latency"]) if other is not None else tuple(enumerate(submission.frames))
        )
        return sides.of_reference(word, name, room, layered, answered)

    def _model(self, letter: str) -> Path | None:
        from farm.work.prepare import check_model

        path = (self.asked.model_b or self.asked.model) if letter == "B" else self.asked.model
        if path is not None:
            check_model(path)
            self.store.put_file(path)
        return path

    def _submission(self, letter: str, word: str) -> Submission:
        """For captures: with the inputs where they are named, else with the frames' names alone."""
        from farm.cli.subject import named_only, relabelled
        from farm.errors import InputsError

        path = self._model(letter)
        if path is None:
            run = next((s for s in self._subjects.values()), None)
            if run is not None:
                return run.submission
            raise InputsError(
                "a capture does not hold its model", where=word, remedy="give --model, or name the stored run first"
            )
        if self.asked.inputs is not None:
            return self._prepared(path)
        submission = named_only([word], path, self.asked.recipe, self.store)
        return submission if self.asked.labels is None else relabelled(submission, self.asked.labels, self.store)

    def _prepared(self, model: Path, references: tuple[str, ...] = ("litert",)) -> Submission:
        from farm.work.prepare import Options, RecipeFlags, prepare
        from farm.work.references import with_earlier

        assert self.asked.inputs is not None  # noqa: S101  # whoever calls looked
        made = prepare(
            model, self.asked.inputs, self.asked.labels, self.asked.recipe, None, RecipeFlags(),
            Options(references=references),
        )  # fmt: skip
        for file in made.files.values():
            self.store.put_file(file)
        if made.references.earlier:
            return with_earlier(made.submission, made.references, self.reach.client())
        return made.submission

    def _referred(self, letter: str, word: str) -> tuple[Submission, str]:
        """What a reference is fed, and what the submission calls it."""
        from farm.errors import InputsError
        from farm.work.references import parse

        found = parse([word])
        path = self._model(letter)
        if path is not None and self.asked.inputs is not None:
            submission = self._prepared(path, (word,))
            other = next((s for s in self._subjects.values()), None)
            if other is not None:  # under the numbers that the captures have
                from farm.assess.subject import placed

                frames = placed(submission.frames, other.recordings.values(), self.store)
                submission = submission.model_copy(update={"frames": frames})
            return submission, submission.references[0]
        other = next((s for s in self._subjects.values() if s.run.id), None)
        if other is None:
            raise InputsError(
                "a reference needs frames",
                where=word,
                remedy="give --model and --inputs, or compare it with a stored run",
            )
        for file in found.files.values():
            self.store.put_file(file)
        changes: dict[str, object] = {"references": found.names, "sources": found.sources}
        if path is not None:
            from farm.store.artifacts import sha256_of

            changes |= {"model_name": path.name, "model_sha256": sha256_of(path)}
        return other.submission.model_copy(update=changes), found.names[0]
