"""Classes: top-k, the confusion matrix, precision, recall and F1."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np

from farm.compare.accuracy import wilson
from farm.compare.tasks.contract import ClassScore, FrameScores, Reading, f1, ratio

if TYPE_CHECKING:
    from collections.abc import Sequence

    from farm.compare.answers import Answers

    Array = np.ndarray[Any, Any]


class Classification(Reading):
    """One class a frame: pictures, sounds (a keyword) and texts alike."""

    task = "classification"
    metric = "top-1"

    def __init__(self, answers: Answers, labels: Sequence[int | None]) -> None:
        self.answers = answers
        self.n = len(answers.rank)
        self.labelled = bool(self.n) and all(label is not None for label in labels)
        self._labels = np.array([-1 if label is None else label for label in labels], np.int64)

    def take(self, order: Array) -> Classification:
        """See `Reading`."""
        labels = [None if label < 0 else label for label in self._labels[order].tolist()]
        return Classification(self.answers.take(order), labels)

    def value(self, weights: Array | None = None) -> float:
        """See `Reading`: the share of frames that are right."""
        right = self.answers.right.astype(np.float64)
        return float(np.average(right, weights=weights))

    def interval(self) -> tuple[float, float]:
        """Wilson's."""
        return wilson(int(self.answers.right.sum()), self.n)

    def scores(self) -> FrameScores:
        """See `Reading`."""
        return FrameScores("top-1", self.answers.right.astype(np.float64))

    def agreement(self, other: Self) -> FrameScores:
        """The same top-1."""
        return FrameScores("agreement", (self.answers.top1 == other.answers.top1).astype(np.float64))

    def others(self) -> dict[str, float]:
        """Top-5, and means over the classes that labels or answers name."""
        found = self.classes()
        top5 = {"top-5": float((self.answers.rank < 5).mean())} if self.answers.classes > 5 else {}
        return top5 | {
            f"macro {name}": float(np.mean([v or 0.0 for v in values]))
            for name, values in (
                ("precision", [c.precision for c in found]),
                ("recall", [c.recall for c in found]),
                ("F1", [c.f1 for c in found]),
            )
        }

    def classes(self) -> tuple[ClassScore, ...]:
        """See `Reading`."""
        labels, answers = self._labels, self.answers.top1
        found = []
        for label in np.union1d(labels, answers):
            true, said = int((labels == label).sum()), int((answers == label).sum())
            hits = int(((labels == label) & (answers == label)).sum())
            found.append(
                ClassScore(int(label), true, ratio(hits, said), ratio(hits, true), f1(hits, true - hits, said - hits))
            )
        return tuple(found)

    def confusion(self) -> dict[tuple[int, int], int]:
        """See `Reading`."""
        pairs, counts = np.unique(np.stack([self._labels, self.answers.top1], 1), axis=0, return_counts=True)
        return {(int(t), int(a)): int(c) for (t, a), c in zip(pairs, counts, strict=True)}
