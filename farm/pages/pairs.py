"""From two that were named to what `farm compare` says of them, out of stored captures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from farm.assess.subject import APP, PASSES, of_captures, recorded, side
from farm.compare.pairing import compare
from farm.pages.shelf import fit

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from farm.assess.subject import Subject
    from farm.pages.compare_pair import Beside
    from farm.pages.shelf import Shelf
    from farm.report.pairing import Pairing
    from farm.submission import Submission

TAKEN = tuple(name for name in PASSES if name != "isolated")
"""Passes that are compared."""


def paired(shelf: Shelf, sides: Sequence[Beside], submission: Callable[[int], Submission]) -> Pairing:
    """Both, of which one at least is a run; `submission` gives a job's. A capture is taken to be of the run's model.

    Raises:
        FarmError: there are no captures, they cannot be read, or are of another model.
    """
    instead = f"`farm compare {' '.join(_argument(s) for s in sides)} --html pair.html` shows the same"
    for capture in (s.word for s in sides if s.run is None):
        _fit(shelf, capture, instead)
    subjects = [_of_run(shelf, s, submission(s.job), instead) if s.run is not None else None for s in sides]
    known = next(s for s in subjects if s is not None)
    found = [s or _of_capture(shelf, sides[i].word, known) for i, s in enumerate(subjects)]
    a, b = (side(sides[i].word, s, shelf.artifacts) for i, s in enumerate(found))
    return compare(a, b, shelf.artifacts)


def _argument(beside: Beside) -> str:
    """As the command takes it, which knows captures as files."""
    return beside.word if beside.run is not None else f"{beside.word[:12]}.mcap"


def _of_run(shelf: Shelf, beside: Beside, submitted: Submission, instead: str) -> Subject:
    assert beside.run is not None  # noqa: S101  # `paired` looked
    return shelf.subject(beside.run, submitted, (*TAKEN, APP), instead=instead)


def _fit(shelf: Shelf, sha256: str, instead: str) -> None:
    size, name = shelf.artifacts.path(sha256).stat().st_size, sha256[:12]
    fit(f"capture {name}", size, f"download /api/artifacts/{sha256} as {name}.mcap; {instead}")


def _of_capture(shelf: Shelf, sha256: str, known: Subject) -> Subject:
    recording = recorded(shelf.artifacts.path(sha256), "", shelf.artifacts, f"capture {sha256[:12]}")
    return of_captures({recording.header.pass_: (sha256, recording)}, known.submission, shelf.artifacts)
