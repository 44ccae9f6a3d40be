"""Model assertions over frames that follow each other (Kang et al. 2020): answers that flicker, objects whose class changes.

Nothing has to be true of the frames: a video in which an object is a cat, then a dog, then a cat has an error, whichever it is.
A severity of 0 is silence.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from farm.compare.boxes import match
from farm.compare.tasks.classification import Classification
from farm.compare.tasks.detection import DetectionReading
from farm.errors import InputsError
from farm.report.document import Finding
from farm.report.sequence import Fired, FiredFrame

Answer = TypeVar("Answer")

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from farm.compare.detections import Found
    from farm.compare.tasks.contract import Reading
    from farm.store.artifacts import ArtifactStore
    from farm.submission import Submission

    Array = np.ndarray[Any, Any]

IOU = 0.5
"""Overlap above which boxes of neighboring frames are one object."""
LISTED = 100


def flicker_of_answers(before: int, now: int, after: int) -> float:
    """1 where an answer that its neighbors share is gone."""
    return float(before == after != now)


def flicker_of_objects(before: Found, now: Found, after: Found) -> float:
    """Sum over the objects that both neighbors have and this frame lacks of the lower of their scores."""
    return _lost(before, now, after, other_class=False)


def change_of_class(before: Found, now: Found, after: Found) -> float:
    """Sum over the objects that both neighbors give one class, and this frame another, of the lower of their scores."""
    return _lost(before, now, after, other_class=True)


def fired(name: str, windows: Sequence[tuple[int, str, float]]) -> Fired:
    """What fired among (frame, its name, severity) of all windows."""
    hot = [FiredFrame(frame=f, name=n, severity=s) for f, n, s in windows if s > 0]
    hot.sort(key=lambda frame: (-frame.severity, frame.frame))
    return Fired(name=name, windows=len(windows), frames=tuple(hot[:LISTED]), count=len(hot))


def over(
    name: str, answers: Sequence[Answer], names: Sequence[str], score: Callable[[Answer, Answer, Answer], float]
) -> Fired:
    """`score` of each frame between its neighbors; `answers` and `names` by frame, in order."""
    inner = range(1, len(answers) - 1)
    return fired(name, [(i, names[i], score(answers[i - 1], answers[i], answers[i + 1])) for i in inner])


def fires(name: str, reading: Reading, names: Sequence[str]) -> Fired | None:
    """Of a target's answers to frames that follow each other: `flicker` or `consistency`; None where the task has none."""
    if isinstance(reading, DetectionReading):
        score = {"flicker": flicker_of_objects, "consistency": change_of_class}[name]
        return over(name, [found.above(reading.score) for found in reading.found], names, score)
    if isinstance(reading, Classification) and name == "flicker":
        return over(name, [int(c) for c in reading.answers.top1], names, flicker_of_answers)
    return None


def compared(name: str, what: str, mine: Fired, other: Fired) -> Finding:
    """A device's frames against the reference's: worse where it fires more often.

    A difference and no more: nothing is known to be true of the frames.
    """
    first = f", worst at {mine.frames[0].name}" if mine.frames else ""
    return Finding(
        assertion=name,
        holds=mine.count <= other.count,
        harmless=True,
        summary=f"{what} for a frame {mine.count} times in {mine.windows}{first}; the reference's {other.count} times",
        evidence={"fired": float(mine.count), "reference": float(other.count), "worst": mine.worst},
    )


def export(found: Sequence[Fired], submission: Submission, artifacts: ArtifactStore, folder: Path) -> int:
    """The frames where assertions fire, as files, worst first, and `fired.tsv` with their severities; how many files.

    Raises:
        InputsError: the folder holds something already.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise InputsError("holds something already", where=str(folder), remedy="name a new or an empty folder")
    rows, written = ["assertion\tseverity\tframe\tfile"], set()
    for one in found:
        for hot in one.frames:
            frame = submission.frames[hot.frame]
            # A name of the user's is no path.
            base = f"{hot.frame:06d}-{''.join(c if c.isalnum() or c in '._-' else '_' for c in frame.name)[-100:]}"
            for part, sha256 in enumerate(frame.sha256):
                file = base if len(frame.sha256) == 1 else f"{base}.{part}.npy"
                if file not in written:
                    shutil.copyfile(artifacts.path(sha256), folder / file)
                    written.add(file)
                rows.append(f"{one.name}\t{hot.severity:.6g}\t{hot.frame}\t{file}")
    (folder / "fired.tsv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return len(written)


def _lost(before: Found, now: Found, after: Found, *, other_class: bool) -> float:
    if not len(before.boxes) or not len(after.boxes):
        return 0.0
    later = match(before.boxes, after.boxes, np.zeros(len(after.boxes), bool), IOU)
    here = match(before.boxes, now.boxes, np.zeros(len(now.boxes), bool), IOU)
    severity = 0.0
    for i, (j, k) in enumerate(zip(later, here, strict=True)):
        stays = j >= 0 and before.labels[i] == after.labels[j]
        hit = (k >= 0 and now.labels[k] != before.labels[i]) if other_class else k < 0
        if stays and hit:
            severity += float(min(before.scores[i], after.scores[j]))
    return severity
