"""Recordings of stored runs, taken in when a page asks for them; the last few are kept at hand."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Generic, TypeVar

from farm.assess.gather import Room
from farm.assess.subject import captures_of, of_run, refusal
from farm.errors import FarmError, InputsError
from farm.model import graph as graphs
from farm.pages.compare import MOST_BYTES
from farm.pages.lanes import draw

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable
    from pathlib import Path

    from farm.assess.subject import Subject
    from farm.capture.recording import Recording
    from farm.pages.compare_fleet import CompareFleet
    from farm.pages.inputs import InputsView
    from farm.pages.lanes import Drawing
    from farm.report.document import Run
    from farm.report.pairing import Pairing
    from farm.store.artifacts import ArtifactStore
    from farm.submission import Submission

Value = TypeVar("Value")
SUBJECTS, DRAWINGS, PAGES = 8, 64, 32
DIAGNOSE = "`farm diagnose JOB/RUN --html report.html` shows the same"


def fit(where: str, size: int, instead: str) -> None:
    """See that a page may read so many bytes of captures.

    Raises:
        InputsError: it may not; says how many there are, and what to do `instead`.
    """
    if size > MOST_BYTES:
        raise InputsError(
            f"captures of {size >> 20} MiB are too large for a page, which reads {MOST_BYTES >> 20} MiB",
            where=where,
            remedy=instead,
        )


class Kept(Generic[Value]):
    """The values last asked for. They are made one at a time, so that many visitors are no more work than one."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._making = threading.Lock()
        self._values: OrderedDict[Hashable, Value] = OrderedDict()

    def get(self, key: Hashable) -> Value | None:
        """What is kept; None when it is not."""
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
            return self._values.get(key)

    def or_made(self, key: Hashable, make: Callable[[], Value]) -> Value:
        """What is kept, else what `make` makes; its errors are the caller's."""
        with self._making:
            found = self.get(key)
            if found is None:
                found = make()
                with self._lock:
                    self._values[key] = found
                    while len(self._values) > self._most:
                        self._values.popitem(last=False)
            return found


class Shelf:
    """What pages need of a run beyond its document."""

    def __init__(self, artifacts: ArtifactStore, references: Path) -> None:
        self.artifacts = artifacts
        self._references = references
        self._subjects: Kept[Subject] = Kept(SUBJECTS)
        self._drawings: Kept[Drawing] = Kept(DRAWINGS)
        self.inputs: Kept[InputsView] = Kept(SUBJECTS)
        self.pairings: Kept[Pairing] = Kept(PAGES)
        self.fleets: Kept[CompareFleet] = Kept(PAGES)

    def drawing(self, model_sha256: str, model: str) -> Drawing | None:
        """A model's graph; None when its file was removed or cannot be read."""
        try:
            return self._drawings.or_made(
                model_sha256, lambda: draw(graphs.read(self.artifacts.read(model_sha256), model))
            )
        except FarmError:
            return None

    def subject(
        self, run: Run, submitted: Submission, passes: tuple[str, ...] = ("layers",), *, instead: str = DIAGNOSE
    ) -> Subject:
        """A run's recordings of these passes; `instead` says how else to come to the same, where they are too large.

        Raises:
            InputsError: there are none, or too much of them; says why.
            FarmError: a capture cannot be read.
        """
        why = refusal(run)
        if why:
            raise InputsError(why, where=f"run {run.id}", remedy="a newer run of the model has them")
        fit(f"run {run.id}", sum(c.bytes for c in run.captures if c.name in passes and not c.removed), instead)
        key = (run.id, passes, tuple(captures_of(run).items()))
        return self._subjects.or_made(key, lambda: of_run(run, submitted, self.artifacts, passes))

    def reference(self, subject: Subject, name: str) -> tuple[Room, Recording | None]:
        """What reference `name` computed in every layer of the subject's layer frames; None where that is not kept any more.

        Raises:
            FarmError: the model was removed, or there is no such reference.
        """
        room = Room(subject.submission, self.artifacts, self._references, None)
        return room, room.kept(name, room.frames(subject.recordings["layers"]))
