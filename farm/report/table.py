"""ML-EXray's latency table: what each type of layer costs on each target, side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

from farm.report.document import Part
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


class LatencyTable(Part):
    """Layer types x targets; most expensive type first."""

    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    totals_us: tuple[float, ...]
    """By column."""


def latency_table(job: Job, more: Sequence[tuple[Column, Sequence[LayerType]]] = ()) -> LatencyTable:
    """The table of a job: a column for each run that has layer times, then `more` (of reference kernels, for example)."""
    return table([*((_column(run), run.layer_types) for run in job.runs if run.layer_types), *more])


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


def _column(run: Run) -> Column:
    how = ", ".join(f"{word} {run.conditions[word]}" for word in ("kernel", "threads") if word in run.conditions)
    return Column(title=f"{target_label(run.target)}{f', {how}' if how else ''}", source=run.layer_types[0].source)
