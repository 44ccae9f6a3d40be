"""Objects: mean average precision; per frame the F1 of what was found at an overlap of .5."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np

from farm.compare import boxes as box
from farm.compare import resample
from farm.compare.precision import Precision
from farm.compare.tasks.contract import ClassScore, FrameScores, Reading, f1, ratio

if TYPE_CHECKING:
    from collections.abc import Sequence

    from farm.compare.detections import Found
    from farm.submission import Box

    Array = np.ndarray[Any, Any]

IOU = 0.5
RESAMPLES = 200
"""A mean average precision is slow to compute."""
NEAR = 0.5
"""Where two targets are compared, a detection may be met by one of this share of the least score: no cliff at the threshold."""


class DetectionReading(Reading):
    """All objects of each frame."""

    task = "detection"
    metric = "mAP"

    def __init__(self, found: Sequence[Found], truth: Sequence[tuple[Box, ...] | None], score: float) -> None:
        self.found = tuple(found)
        self.n = len(found)
        self.labelled = bool(self.n) and all(boxes is not None for boxes in truth)
        self._given = tuple(truth)
        self._truth = tuple(boxes or () for boxes in truth)
        self.score = score
        self._precision_: Precision | None = None

    def take(self, order: Array) -> DetectionReading:
        """See `Reading`."""
        return DetectionReading([self.found[i] for i in order], [self._given[i] for i in order], self.score)

    @property
    def _precision(self) -> Precision:
        if self._precision_ is None:
            self._precision_ = Precision(self.found, self._truth)
        return self._precision_

    def value(self, weights: Array | None = None) -> float:
        """See `Reading`: mAP @[.5:.95]."""
        return self._precision.mean(weights)

    def interval(self) -> tuple[float, float]:
        """See `Reading`."""
        return resample.interval(self.n, self.value, RESAMPLES)

    def scores(self) -> FrameScores:
        """F1 of the detections of at least the recipe's score; 1 where nothing is there and nothing was found."""
        values = []
        for counts in self._counts():
            hits, objects, said = (sum(c[i] for c in counts.values()) for i in range(3))
            share = f1(hits, objects - hits, said - hits)
            values.append(1.0 if share is None else share)
        return FrameScores("F1", np.array(values))

    def agreement(self, other: Self) -> FrameScores:
        """The share of both targets' detections that the other has too: same class, an overlap of at least .5."""
        return FrameScores(
            "agreement", np.array([self._alike(*pair) for pair in zip(self.found, other.found, strict=True)])
        )

    def others(self) -> dict[str, float]:
        """mAP at an overlap of .5; precision, recall and F1 of the detections of at least the recipe's score."""
        table = self._precision.averages()
        counts = [c for frame in self._counts() for c in frame.values()]
        hits, objects, said = (sum(c[i] for c in counts) for i in range(3))
        named = {
            "mAP @.5": float(np.nanmean(table[:, 0])) if len(table) else None,
            "precision": ratio(hits, said),
            "recall": ratio(hits, objects),
            "F1": f1(hits, objects - hits, said - hits),
            "mean frame F1": float(self.scores().values.mean()),
        }
        return {name: value for name, value in named.items() if value is not None}

    def classes(self) -> tuple[ClassScore, ...]:
        """See `Reading`; the score is the average precision @[.5:.95]."""
        averages = dict(zip(self._precision.labels, self._precision.averages().mean(1), strict=True))
        totals: dict[int, list[int]] = {}
        for frame in self._counts():
            for label, counts in frame.items():
                totals[label] = [a + b for a, b in zip(totals.get(label, (0, 0, 0)), counts, strict=True)]
        return tuple(
            ClassScore(
                label, objects, ratio(hits, said), ratio(hits, objects), f1(hits, objects - hits, said - hits),
                float(averages[label]) if label in averages else 0.0,
            )
            for label, (hits, objects, said) in sorted(totals.items())
        )  # fmt: skip

    def _counts(self) -> list[dict[int, tuple[int, int, int]]]:
        """Of each frame, by class: objects found, objects there are, detections that count."""
        return [
            {
                label: _count(mine, truth, label)
                for label in sorted({*mine.labels.tolist(), *(b.label for b in truth)})
            }
            for mine, truth in ((f.above(self.score), t) for f, t in zip(self.found, self._truth, strict=True))
        ]  # fmt: skip

    def _alike(self, mine: Found, other: Found) -> float:
        said = met = 0
        for of, to in ((mine, other), (other, mine)):
            sure, near = of.above(self.score), to.above(NEAR * self.score)
            said += len(sure.labels)
            for label in np.unique(sure.labels):
                a, b = (f.boxes[f.labels == label].astype(np.float64) for f in (sure, near))
                met += int((box.match(a, b, np.zeros(len(b), bool), IOU) >= 0).sum())
        return met / said if said else 1.0


def _count(mine: Found, truth: tuple[Box, ...], label: int) -> tuple[int, int, int]:
    wanted = [b for b in truth if b.label == label]
    crowd = np.array([b.crowd for b in wanted], bool)
    corners = np.array([[b.top, b.left, b.bottom, b.right] for b in wanted], np.float64).reshape(-1, 4)
    taken = box.match(mine.boxes[mine.labels == label].astype(np.float64), corners, crowd, IOU)
    return int((taken >= 0).sum()), int((~crowd).sum()), int((taken != -2).sum())
