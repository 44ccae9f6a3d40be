"""Masks: mean IoU and pixel accuracy, at the resolution of the truth."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from farm.compare.tasks.contract import ClassScore, FrameScores, Reading, f1, ratio
from farm.truth.masks import IGNORED

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class MaskFrame:
    """One frame. Maps are large, and are read again when they are asked for."""

    map: Callable[[], Array]
    """int [h, w]: the class that the target says."""
    truth: Callable[[Array], tuple[Array, Array]] | None
    """Lays such a map on the mask: what is said and what is true at the mask's pixels, of one shape."""


@dataclass(frozen=True)
class Counts:
    """Pixels of one frame by class, int [classes]."""

    both: Array
    true: Array
    said: Array

    @property
    def whole(self) -> Array:
        """Unions."""
        union: Array = self.true + self.said - self.both
        return union


class Segmentation(Reading):
    """A class for each pixel."""

    task = "segmentation"
    metric = "mean IoU"

    def __init__(self, frames: Sequence[MaskFrame], classes: int) -> None:
        self.frames = tuple(frames)
        self.n = len(self.frames)
        self.labelled = bool(self.n) and all(frame.truth is not None for frame in self.frames)
        self._classes = classes

    def take(self, order: Array) -> Segmentation:
        """See `Reading`."""
        return Segmentation([self.frames[i] for i in order], self._classes)

    def value(self, weights: Array | None = None) -> float:
        """See `Reading`: the mean over the classes that occur, of intersections and unions summed over the frames."""
        both, whole = self._table
        weights = np.ones(self.n) if weights is None else weights
        unions = weights @ whole
        seen = unions > 0
        return float(((weights @ both)[seen] / unions[seen]).mean()) if seen.any() else float("nan")

    def scores(self) -> FrameScores:
        """The mean IoU of the frame's own classes; 1 where no pixel counts."""
        values = []
        for c in self._counted[0]:
            seen = c.whole > 0
            values.append(float((c.both[seen] / c.whole[seen]).mean()) if seen.any() else 1.0)
        return FrameScores("IoU", np.array(values))

    def agreement(self, other: Self) -> FrameScores:
        """The share of pixels with the same class."""
        pairs = zip(self.frames, other.frames, strict=True)
        return FrameScores("agreement", np.array([_same(mine.map(), theirs.map()) for mine, theirs in pairs]))

    def others(self) -> dict[str, float]:
        """Shares of all pixels that count, and the mean of the frames' scores."""
        both, true = (sum(int(getattr(c, name).sum()) for c in self._counted[0]) for name in ("both", "true"))
        return {"pixel accuracy": both / true, "mean frame IoU": float(self.scores().values.mean())} if true else {}

    def classes(self) -> tuple[ClassScore, ...]:
        """See `Reading`; the score is the IoU."""
        found = []
        both, true, said = (np.sum([getattr(c, n) for c in self._counted[0]], axis=0) for n in ("both", "true", "said"))
        for label in np.flatnonzero(true + said):
            hits, there, told = int(both[label]), int(true[label]), int(said[label])
            found.append(
                ClassScore(
                    int(label), there, ratio(hits, told), ratio(hits, there), f1(hits, there - hits, told - hits),
                    ratio(hits, there + told - hits),
                )
            )  # fmt: skip
        return tuple(found)

    def confusion(self) -> dict[tuple[int, int], int]:
        """See `Reading`, in pixels."""
        return dict(self._counted[1])

    @functools.cached_property
    def _counted(self) -> tuple[list[Counts], dict[tuple[int, int], int]]:
        """Each frame's counts, and the confusion of all: one map in memory at a time."""
        frames: list[Counts] = []
        matrix: dict[tuple[int, int], int] = {}
        # What is no class of the model is truth that nothing can meet, and an answer that meets none.
        count = max(self._classes, IGNORED + 1) + 1
        for frame in self.frames:
            assert frame.truth is not None  # noqa: S101  # only asked when labelled
            said, true = (a.astype(np.int64) for a in frame.truth(frame.map()))
            said, true = said[true != IGNORED], true[true != IGNORED]
            said = np.where((said >= 0) & (said < count), said, count - 1)
            pairs, pixels = np.unique(true * count + said, return_counts=True)
            for pair, number in zip(pairs.tolist(), pixels.tolist(), strict=True):
                key = divmod(pair, count)
                matrix[key] = matrix.get(key, 0) + number
            frames.append(
                Counts(*(np.bincount(of, minlength=count).astype(np.int32) for of in (true[true == said], true, said)))
            )
        return frames, matrix

    @functools.cached_property
    def _table(self) -> tuple[Array, Array]:
        """Intersections and unions, f64 [n, classes that occur]."""
        both, whole = (np.array([getattr(c, n) for c in self._counted[0]], np.float64) for n in ("both", "whole"))
        seen = whole.any(0)
        return both[:, seen], whole[:, seen]


def _same(mine: Array, other: Array) -> float:
    return float((mine == other).mean()) if mine.shape == other.shape else 0.0
