"""A device's reading beside the reference's, as the report has it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from farm.compare import resample
from farm.report.metrics import ClassMetric, Confusion, Metric, TaskMetrics

if TYPE_CHECKING:
    from collections.abc import Sequence

    from farm.compare.tasks.contract import ClassScore, Reading

CLASSES = 50
CONFUSIONS = 50
MATRIX = 5000
"""Entries in the document."""


def metrics(device: Reading, reference: Reading, *, name: str, names: Sequence[str] = ()) -> TaskMetrics:
    """Both on the same frames, n >= 1; `names` are those of the classes."""
    agreement = _agreement(device, reference)
    if not device.labelled:
        return TaskMetrics(
            task=device.task, n=device.n, labelled=False, reference=name, main=agreement, frame_metric="agreement"
        )
    mine, other = device.scores(), reference.scores()
    classes, confusions = _classes(device, reference, names), _confusions(device, reference, names)
    matrix = sorted(device.confusion().items(), key=lambda item: (-item[1], item[0]))[:MATRIX]
    return TaskMetrics(
        task=device.task,
        n=device.n,
        labelled=True,
        reference=name,
        main=Metric(
            name=device.metric,
            value=device.value(),
            interval=None if math.isnan(device.value()) else device.interval(),
            reference=reference.value(),
        ),
        frame_metric=mine.metric,
        p_value=resample.paired_scores(mine.values, other.values),
        agreement=agreement,
        others=_others(device, reference),
        classes=classes[:CLASSES],
        class_count=len(classes),
        confusions=confusions[:CONFUSIONS],
        matrix=tuple((truth, answer, count) for (truth, answer), count in matrix),
    )


def _agreement(device: Reading, reference: Reading) -> Metric:
    values = device.agreement(reference).values
    if set(values.tolist()) <= {0.0, 1.0}:
        from farm.compare.accuracy import wilson

        return Metric(name="agreement", value=float(values.mean()), interval=wilson(int(values.sum()), len(values)))
    return Metric(name="agreement", value=float(values.mean()), interval=resample.mean_interval(values))


def _others(device: Reading, reference: Reading) -> tuple[Metric, ...]:
    theirs = reference.others()
    return tuple(Metric(name=k, value=v, reference=theirs.get(k)) for k, v in device.others().items())


def _classes(device: Reading, reference: Reading, names: Sequence[str]) -> tuple[ClassMetric, ...]:
    theirs = {c.label: c for c in reference.classes()}

    def loss(one: ClassScore) -> tuple[float, float, int]:
        before = theirs[one.label].rank if one.label in theirs else 0.0
        return one.rank - before, one.rank, one.label

    return tuple(
        ClassMetric(
            label=one.label, name=_name(one.label, names), n=one.n, precision=one.precision, recall=one.recall, f1=one.f1,
            score=one.score, reference=theirs[one.label].rank if one.label in theirs else None,
        )
        for one in sorted(device.classes(), key=loss)
        if one.n or one.label not in theirs or one.precision is not None
    )  # fmt: skip


def _confusions(device: Reading, reference: Reading, names: Sequence[str]) -> tuple[Confusion, ...]:
    theirs = reference.confusion()
    found = [
        Confusion(
            truth=truth, answer=answer, truth_name=_name(truth, names), answer_name=_name(answer, names), count=count,
            reference=theirs.get((truth, answer), 0),
        )
        for (truth, answer), count in device.confusion().items()
        if truth != answer
    ]  # fmt: skip
    return tuple(sorted(found, key=lambda c: (c.reference - c.count, -c.count, c.truth, c.answer)))


def _name(label: int, names: Sequence[str]) -> str:
    return names[label] if 0 <= label < len(names) else ""
