"""ML-EXray's latency table: what each type of layer costs on each target, side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

from farm.report.base import Part
from farm.report.words import target_label

if TYPE_CHECKING:
    from collections.abc import Sequence

    from farm.report.document import Job, LayerType, Run


class Column(Part):
    """One target under one configuration."""

    title: str
    source: str
    """Where its times come from: `profile` or `layers` (the pass), `alone` (every operator by itself)."""


class Row(Part):
    """One type of layer."""

    type: str
    count: int
    """Layers of this type that have a time, on the target where most have one."""
    times_us: tuple[float | None, ...]
    """By column, summed over the layers; None where the target has no such type."""


CONDITIONS = ("kernel", "threads")
USUAL = {"context": "shell"}
"""Conditions that are told where they are others."""
SOURCES = {"profile": "plain model", "layers": "unfused model", "alone": "each alone"}
"""What `Column.source` says, for people."""


class LatencyTable(Part):
    """Layer types x targets; most expensive type first."""

    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    totals_us: tuple[float, ...]
    """By column."""


def latency_table(jobs: Sequence[Job], more: Sequence[tuple[Column, Sequence[LayerType]]] = ()) -> LatencyTable:
    """The table of jobs: a column for each run that has layer times, then `more` (of reference kernels, for example)."""
    several, models = len(jobs) > 1, len({job.model_sha256 for job in jobs}) > 1
    found = []
    for job in jobs:
        words = [*([f"job {job.job}"] if several else []), *([job.model] if models else [])]
        found += [(_column(run, words), run) for run in job.runs if run.layer_types]
    titles = [column.title for column, _ in found]
    columns = (
        column
        if titles.count(column.title) == 1
        else column.model_copy(update={"title": f"{column.title}, run {run.id}"})
        for column, run in found
    )
    return table([*zip(columns, (run.layer_types for _, run in found), strict=True), *more])


def table(columns: Sequence[tuple[Column, Sequence[LayerType]]]) -> LatencyTable:
    """The same from columns as they are."""
    found = [{t.type: t for t in types} for _, types in columns]
    names = {name for types in found for name in types}
    rows = [
        Row(
            type=name,
            count=max(types[name].count for types in found if name in types),
            times_us=tuple(types[name].time_us if name in types else None for types in found),
        )
        for name in names
    ]
    return LatencyTable(
        columns=tuple(column for column, _ in columns),
        rows=tuple(sorted(rows, key=lambda row: (-max(t or 0.0 for t in row.times_us), row.type))),
        totals_us=tuple(sum(t.time_us for t in types.values()) for types in found),
    )


def _column(run: Run, words: Sequence[str]) -> Column:
    how = [f"{word} {run.conditions[word]}" for word in CONDITIONS if word in run.conditions]
    how += [f"{word} {told}" for word, usual in USUAL.items() if (told := run.conditions.get(word, usual)) != usual]
    other = [word for word in run.variant.split(", ") if word and word.partition("=")[0] not in {*CONDITIONS, *USUAL}]
    return Column(title=", ".join([target_label(run.target), *how, *other, *words]), source=run.layer_types[0].source)
