"""Worst slices of a run's frames: where its answers are lost more often, in words about the frames."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np

from farm.compare.slices import worst_slices

if TYPE_CHECKING:
    from collections.abc import Sequence

    from farm.report.slice import Slice
    from farm.store.artifacts import ArtifactStore
    from farm.submission import InputFrame, Submission

    Array = np.ndarray[Any, Any]

LIMIT_FRAMES = 5000
"""Of more, an even selection is looked at."""
LEAST = 20


def slices(submission: Submission, artifacts: ArtifactStore, frames: Sequence[int], lost: Array) -> tuple[Slice, ...]:
    """Of `frames`, whose answers lost `lost` [n] in 0..1 against the reference's; none with fewer than `LEAST` frames."""
    if len(frames) < LEAST or not lost.any():
        return ()
    picked = np.unique(np.linspace(0, len(frames) - 1, min(len(frames), LIMIT_FRAMES)).astype(int))
    rows = [attributes(submission.frames[frames[i]], submission.labels, artifacts) for i in picked]
    names = [name for name in dict.fromkeys(n for row in rows for n in row) if len({row.get(name) for row in rows}) > 1]
    return worst_slices([{n: row[n] for n in names if n in row} for row in rows], np.asarray(lost, float)[picked])


def attributes(frame: InputFrame, labels: Sequence[str], artifacts: ArtifactStore) -> dict[str, str | float]:
    """What is known of a frame: metadata, class, size of the file, and of the picture by its header alone."""
    found: dict[str, str | float] = {name: _number(value) for name, value in frame.metadata.items()}
    if frame.label is not None:
        named = frame.label < len(labels) and labels[frame.label]
        found["label"] = labels[frame.label] if named else str(frame.label)
    if frame.boxes is not None:
        found["objects"] = float(len(frame.boxes))
    if frame.kind == "image":
        found |= _picture(artifacts, frame.sha256[0])
    elif frame.kind in ("audio", "text"):
        found["bytes"] = float(artifacts.path(frame.sha256[0]).stat().st_size)
    return found


def _number(value: str) -> str | float:
    try:
        number = float(value)
    except ValueError:
        return value
    return number if np.isfinite(number) else value


def _picture(artifacts: ArtifactStore, sha256: str) -> dict[str, str | float]:
    from PIL import Image

    try:
        with Image.open(io.BytesIO(artifacts.read(sha256))) as image:
            found: dict[str, str | float] = {"width": float(image.width), "height": float(image.height)}
            turned = image.getexif().get(0x0112, 1)
            return (
                found
                | {"shape": "upright" if image.height > image.width else "wide"}
                | ({"EXIF orientation": str(turned)} if turned != 1 else {})
            )
    except Exception:  # what decodes on the device need not tell its size here
        return {}
