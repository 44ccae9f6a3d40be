"""From what `farm compare` and `farm play` name to the sides of a comparison."""

from __future__ import annotations

from typing import TYPE_CHECKING

from farm.cli.subject import APP
from farm.compare.pairing import Side
from farm.model import graph as graphs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from farm.assess.gather import Frames, Room
    from farm.capture.recording import Recording
    from farm.cli.subject import Subject
    from farm.store.artifacts import ArtifactStore
    from farm.submission import Submission


def of_subject(word: str, subject: Subject, store: ArtifactStore) -> Side:
    """A stored run, or captures."""
    recordings = dict(subject.recordings)
    if not {"latency", APP} & subject.captures.keys():  # others stand for it, and they were not taken to be timed
        recordings.pop("latency", None)
    return _side(word, subject.submission, recordings, store)


def of_reference(word: str, name: str, room: Room, layered: Frames, answered: Frames) -> Side:
    """What the reference that the room's submission calls `name` computes: every layer of some frames, its answers to others.

    Raises:
        FarmError: it cannot run.
    """
    recordings = {"layers": room.every_tensor(name, layered), "latency": room.outputs(name, answered)}
    # Times of a reference are this computer's, taken as it happened to be: no figure to lay beside another.
    untimed = {k: r.model_copy(update={"times": "", "ops": "", "peak_rss_bytes": 0}) for k, r in recordings.items()}
    return _side(word, room.submission, untimed, room.artifacts)


def _side(word: str, submission: Submission, recordings: Mapping[str, Recording], store: ArtifactStore) -> Side:
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
