"""What a model was fed on both sides, as pictures, before and after the inferred bug is undone."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from farm.assess.pictures import pictures
from farm.errors import FarmError
from farm.pages.view import View
from farm.report import html
from farm.report.base import Part
from farm.report.document import Run

if TYPE_CHECKING:
    from markupsafe import Markup

    from farm.pages.shelf import Shelf
    from farm.report.document import Job
    from farm.report.pictures import InputPictures
    from farm.submission import Submission


class Shown(Part):
    """A picture as an address that holds it."""

    title: str
    uri: str
    """Empty: too large for a page."""


class FedFrame(Part):
    """One frame: see report.pictures.InputPictures."""

    frame: str
    pictures: tuple[Shown, ...]
    before: float
    after: float | None
    left: tuple[str, ...]


class InputsView(View):
    """The input of one run's model."""

    template: ClassVar[str] = "inputs.html.j2"
    section: ClassVar[str] = "/jobs"
    job: int
    run: Run
    """Without figures but its explanation."""
    reference: str
    frames: tuple[FedFrame, ...] = ()
    missing: str = ""
    """Why there are no pictures."""

    @property
    def base(self) -> str:
        """Path of the run's page."""
        return f"/jobs/{self.job}/runs/{self.run.id}"

    def part(self, name: str) -> Markup:
        """A part of the report, in its own words: `explanation` without the pictures, `pictures`."""
        return html.part(name, run=self.run, pictures={self.run.id: self.frames} if name == "pictures" else {})


def view(shelf: Shelf, job: Job, submitted: Submission) -> InputsView:
    """The page of a job's only run here; where pictures cannot be had it says why."""
    (run,) = job.runs
    reference = submitted.references[0] if submitted.references else ""
    frames: tuple[FedFrame, ...] = ()
    missing = ""
    try:
        found = _pictures(shelf, job, submitted, reference) if reference else ()
        missing = "" if found else "the model's input is nothing to look at, or was not logged"
        if found is None:
            missing = (
                f"what {reference} was fed is not kept any more: `farm diagnose {job.job}/{run.id}` computes it again"
            )
        frames = tuple(_frame(f) for f in found or ())
    except FarmError as e:
        missing = f"{e.message}: {e.remedy}" if e.remedy else e.message
    slim = Run(id=run.id, target=run.target, status=run.status, explanation=run.explanation)
    return InputsView(
        title=f"Input of run {run.id} of job {job.job}: {job.model}"[:1000],
        job=job.job, run=slim, reference=reference, frames=frames, missing=missing,
    )  # fmt: skip


def _pictures(shelf: Shelf, job: Job, submitted: Submission, name: str) -> tuple[InputPictures, ...] | None:
    """None where the reference's input is not kept any more."""
    (run,) = job.runs
    subject = shelf.subject(run, submitted, instead=f"`farm diagnose {job.job}/{run.id} --html report.html` shows them")
    layers = subject.recordings.get("layers")
    if layers is None or not layers.frames:
        return ()
    room, reference = shelf.reference(subject, name)
    if reference is None:
        return None
    return pictures(subject.submission, room.graph, room.recipe, layers, reference, shelf.artifacts, run.explanation)


def _frame(found: InputPictures) -> FedFrame:
    return FedFrame(
        frame=found.frame,
        pictures=tuple(Shown(title=p.title, uri=p.uri) for p in found.pictures),
        before=found.before,
        after=found.after,
        left=found.left,
    )
