"""What a source gives on another target: a job for devices, a reference on this computer; each beside what was captured."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from farm.assess import subject as subjects
from farm.assess.gather import Room
from farm.cli import shell, sides
from farm.cli.diagnose import progress
from farm.cli.progress import follow
from farm.cli.source import referred
from farm.cli.subject import of_job
from farm.compare.pairing import compare
from farm.errors import FarmError, InfrastructureError
from farm.report.document import Failure
from farm.report.playback import Played
from farm.run.steps import spread
from farm.store.inventory import inputs_of

if TYPE_CHECKING:
    from farm.cli.diagnose import Reach
    from farm.cli.source import Source
    from farm.compare.pairing import Side
    from farm.report.document import Job, Run
    from farm.report.pairing import Pairing
    from farm.store.artifacts import ArtifactStore

REFERENCE = "reference:"


class Player:
    """Plays sources. Errors are those of `farm submit` and `farm compare`."""

    def __init__(self, lab: shell.Shell, store: ArtifactStore, reach: Reach) -> None:
        self._lab, self._store, self._reach = lab, store, reach

    def submit(self, source: Source, selector: str) -> Job:
        """Queue it for devices."""
        submission = source.submission.model_copy(update={"selector": selector})
        client = self._reach.client()
        client.upload({name: self._store.path(name) for name in inputs_of(submission.model_dump(mode="json"))})
        job = client.submit(submission)
        self._lab.err.print(f"job {job.job}: {len(job.runs)} runs", highlight=False)
        return job

    def follow(self, source: Source, word: str, job: Job) -> list[Played]:
        """Wait for the job; each of its runs beside what was captured. What went wrong with one is told of that one."""
        job = follow(job, self._reach.client(), self._lab.err)
        return [self._of_run(source, word, job.job, run) for run in job.runs]

    def _of_run(self, source: Source, word: str, job: int, run: Run) -> Played:
        played = Played(target=word, job=job, run=run.id, verdict=run.verdict, error=run.error)
        if run.error is not None:
            return played
        name = f"{job}/{run.id}"
        try:
            if run.status != "done":
                raise InfrastructureError(f"is {run.status}", where=f"run {name}", remedy=f"farm show {job}")
            (subject,) = of_job(name, self._reach.client(), self._store)[1]
            found = self._beside(source, subjects.side(name, subject, self._store))
        except FarmError as e:
            return played.model_copy(update={"error": Failure.of(e)})
        return played.model_copy(update={"pairing": found})

    def refer(self, source: Source, word: str) -> Played:
        """Play it through a reference of this computer."""
        name = word.removeprefix(REFERENCE)
        submission = referred(source.submission, (name,), self._reach, self._store)
        with progress(self._lab) as tell:
            room = Room(submission, self._store, self._lab.settings.data / "references", tell)
            layered = spread(submission, submission.layer_frames)
            captured = _names(subjects.side(source.name, source.subject, self._store))
            shared = [(i, f) for i, f in enumerate(submission.frames) if f.name in captured]
            if shared and not any(f.name in captured for _, f in layered):
                layered = shared[: submission.layer_frames]
            answered = tuple(enumerate(submission.frames))
            side = sides.of_reference(name, submission.references[0], room, tuple(layered), answered)
        return Played(target=word, pairing=self._beside(source, side))

    def _beside(self, source: Source, side: Side) -> Pairing:
        captured = subjects.side(source.name, source.subject, self._store)
        if "latency" in captured.recordings and not _names(captured) & _names(side):
            # Of no frame have both every layer: what both answered is compared instead.
            rest = {name: r for name, r in captured.recordings.items() if name != "layers"}
            captured = replace(captured, recordings=rest)
        return compare(captured, side, self._store)


def _names(side: Side) -> set[str]:
    """Of the frames whose layers it has."""
    held = () if side.layers is None else side.layers.frames
    return {side.frames[i].name for i in held if i < len(side.frames)}
