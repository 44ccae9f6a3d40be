"""Mean average precision as COCO has it: 101 points of recall, overlaps from .5 to .95, all sizes.

Source: pycocotools' `COCOeval` (matching in `boxes.match`): areas and `maxDets` other than the recipe's limit are left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from farm.compare import boxes as box

if TYPE_CHECKING:
    from collections.abc import Sequence

    from farm.compare.detections import Found
    from farm.submission import Box

    Array = np.ndarray[Any, Any]

THRESHOLDS = tuple(0.5 + 0.05 * i for i in range(10))
RECALLS = np.linspace(0, 1, 101)


@dataclass(frozen=True)
class _Class:
    """Detections of one class in all frames, the best score first, and how many of its objects each frame holds."""

    frames: Array
    """int [d]: position of the frame."""
    hits: Array
    """bool [10, d]: it found an object, at each of `THRESHOLDS`."""
    ignored: Array
    """bool [10, d]: it found a crowd."""
    objects: Array
    """f64 [n frames]."""


class Precision:
    """Matches once; gives average precisions for any weights of the frames."""

    def __init__(self, found: Sequence[Found], truth: Sequence[Sequence[Box]]) -> None:
        self.labels: list[int] = sorted({b.label for boxes in truth for b in boxes if not b.crowd})
        """Classes with an object; others have no average precision."""
        self._classes = [_of_class(label, found, truth) for label in self.labels]

    def averages(self, weights: Array | None = None) -> Array:
        """f64 [classes, 10] by label and overlap; NaN where the weights leave a class without an object."""
        return np.array([_average(one, weights) for one in self._classes]).reshape(len(self.labels), len(THRESHOLDS))

    def mean(self, weights: Array | None = None) -> float:
        """mAP @[.5:.95]; NaN without any object."""
        table = self.averages(weights)
        return float(np.nanmean(table)) if np.isfinite(table).any() else float("nan")


def _of_class(label: int, found: Sequence[Found], truth: Sequence[Sequence[Box]]) -> _Class:
    frames, scores, hits, ignored = [], [], [], []
    objects = np.zeros(len(truth))
    for i, (mine, all_boxes) in enumerate(zip(found, truth, strict=True)):
        wanted = [b for b in all_boxes if b.label == label]
        own = mine.labels == label
        crowd = np.array([b.crowd for b in wanted], bool)
        objects[i] = (~crowd).sum()
        if not own.any():
            continue
        corners = np.array([[b.top, b.left, b.bottom, b.right] for b in wanted], np.float64).reshape(-1, 4)
        taken = np.array([box.match(mine.boxes[own].astype(np.float64), corners, crowd, t) for t in THRESHOLDS])
        frames.append(np.full(int(own.sum()), i))
        scores.append(mine.scores[own])
        hits.append(taken >= 0)
        ignored.append(taken == -2)
    if not frames:
        return _Class(np.zeros(0, np.int64), *(np.zeros((len(THRESHOLDS), 0), bool),) * 2, objects)
    order = np.argsort(-np.concatenate(scores), kind="stable")
    return _Class(
        np.concatenate(frames)[order],
        np.concatenate(hits, 1)[:, order],
        np.concatenate(ignored, 1)[:, order],
        objects,
    )


def _average(one: _Class, weights: Array | None) -> Array:
    total = one.objects.sum() if weights is None else weights @ one.objects
    if not total:
        return np.full(len(THRESHOLDS), np.nan)
    weight = np.ones(len(one.frames)) if weights is None else weights[one.frames]
    right = np.cumsum(one.hits * weight, axis=1)
    wrong = np.cumsum(~(one.hits | one.ignored) * weight, axis=1)
    precision = right / np.maximum(right + wrong, np.finfo(np.float64).eps)
    envelope = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    result = np.zeros(len(THRESHOLDS))
    for i, (recall, level) in enumerate(zip(right / total, envelope, strict=True)):
        at = np.searchsorted(recall, RECALLS, side="left")
        result[i] = np.where(at < len(level), level[np.minimum(at, len(level) - 1)], 0.0).mean() if len(level) else 0.0
    return result
