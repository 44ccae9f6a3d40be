"""What the answers are worth in the terms of the task."""

from __future__ import annotations

from farm.model.recipe import Task
from farm.report.base import Part


class Metric(Part):
    """One figure over all frames, of the device and of the reference on the same frames."""

    name: str
    """`top-1`, `mAP`, `mean IoU`, `R2`; `top-5`, `macro F1`, `pixel accuracy`, `MAE`, ..."""
    value: float
    interval: tuple[float, float] | None = None
    """95 %: Wilson's for a share of frames, else a bootstrap over the frames."""
    reference: float | None = None


class ClassMetric(Part):
    """One class over all frames. None where there is nothing to divide by."""

    label: int
    name: str = ""
    n: int
    """Frames, objects or pixels of the class in the truth."""
    precision: float | None
    recall: float | None
    f1: float | None
    score: float | None = None
    """Average precision of a detector, IoU of a mask."""
    reference: float | None = None
    """The reference's `score`, or its F1 where there is none."""

    @property
    def value(self) -> float:
        """The device's figure that `reference` is of."""
        found = self.f1 if self.score is None else self.score
        return 0.0 if found is None else found

    @property
    def worse(self) -> bool:
        """Than the reference's."""
        return self.reference is not None and self.value < self.reference


class Confusion(Part):
    """How often one class was taken for another: frames, or pixels."""

    truth: int
    answer: int
    truth_name: str = ""
    answer_name: str = ""
    count: int
    reference: int
    """As often by the reference."""


class TaskMetrics(Part):
    """Device and reference on the same frames."""

    task: Task
    n: int
    """Frames."""
    labelled: bool
    """False: nothing is known but how far the device agrees with the reference."""
    reference: str
    main: Metric
    """Of the task; without labels the agreement."""
    frame_metric: str
    """What one frame's score is: the p-value compares these."""
    p_value: float | None = None
    """Device against reference: McNemar's exact test of right and wrong, else a paired permutation test of the frames' scores.
    None without labels."""
    agreement: Metric | None = None
    """Mean over the frames; None where the reference has other answers than this task's."""
    others: tuple[Metric, ...] = ()
    classes: tuple[ClassMetric, ...] = ()
    """Those that lost most against the reference first, then the worst; at most `metrics.CLASSES`."""
    class_count: int = 0
    confusions: tuple[Confusion, ...] = ()
    """Truth and answer differ; those that the device has most often beyond the reference first."""
    matrix: tuple[tuple[int, int, int], ...] = ()
    """The device's confusion matrix: truth, answer, count; the largest entries."""
