"""What every task tells of a target's answers to n frames."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

from farm.compare import resample

if TYPE_CHECKING:
    import numpy as np

    from farm.model.recipe import Task

    Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class FrameScores:
    """How good each frame's answer is: all that a verdict has to know of a task. Frames may be drawn again from it."""

    metric: str
    """What a frame's score is: `top-1`, `F1`, `IoU`, `R2`; of answers compared with another target's, `agreement`."""
    values: Array
    """f64 [n], from 0 to 1; 0 or 1 where an answer is right or wrong."""


@dataclass(frozen=True)
class ClassScore:
    """Of one class over all frames; None where there is nothing to divide by."""

    label: int
    n: int
    """Frames, objects or pixels of that class in the truth."""
    precision: float | None
    recall: float | None
    f1: float | None
    score: float | None = None
    """Average precision or IoU."""

    @property
    def rank(self) -> float:
        """What classes are compared by."""
        value = self.f1 if self.score is None else self.score
        return 0.0 if value is None else value


class Reading(ABC):
    """A target's answers, read from its recording, and the truth beside them. Small for any number of frames."""

    task: ClassVar[Task]
    metric: ClassVar[str]
    """Name of `value`."""
    n: int
    labelled: bool
    """Every frame has its truth; else only `agreement` may be asked."""

    @abstractmethod
    def value(self, weights: Array | None = None) -> float:
        """The task's main metric over all frames, or with frame i counted weights[i] times; NaN where it is not defined."""

    @abstractmethod
    def take(self, order: Array) -> Self:
        """The reading of the frames at these positions."""

    def interval(self) -> tuple[float, float]:
        """95 % of `value`: a bootstrap over the frames."""
        return resample.interval(self.n, self.value)

    @abstractmethod
    def scores(self) -> FrameScores:
        """Against the truth."""

    @abstractmethod
    def agreement(self, other: Self) -> FrameScores:
        """With another target's answers to the same frames, which are taken as right."""

    @abstractmethod
    def others(self) -> dict[str, float]:
        """Further metrics, by name."""

    def classes(self) -> tuple[ClassScore, ...]:
        """Of each class there is; none where the task knows no classes."""
        return ()

    def confusion(self) -> dict[tuple[int, int], int]:
        """How often (truth, answer) came together, where that is more than never; empty where the task knows no classes."""
        return {}


def ratio(hits: float, of: float) -> float | None:
    """None for nothing of nothing."""
    return None if of == 0 else float(hits) / float(of)


def f1(hits: float, missed: float, wrong: float) -> float | None:
    """2 hits / (2 hits + missed + wrong)."""
    return ratio(2 * hits, 2 * hits + missed + wrong)
