"""Samples as a page can draw them under the invocations, and as one file."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

from farm.capture.table import Table
from farm.report.measures import Series
from farm.run.samplers.figure import Figure

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from farm.report.measures import Quantity
    from farm.run.samplers.figure import Axis
    from farm.run.samplers.power import Supply
    from farm.store.artifacts import ArtifactStore

POINTS = 200
ZONES = 3
"""Thermal zones that are drawn: the hottest."""
PLAUSIBLE_C = (-40.0, 150.0)
DRAWN: tuple[Quantity, ...] = ("temperature", "clock", "load", "memory")


def stored(figures: Sequence[Figure], artifacts: ArtifactStore) -> str:
    """The sha256 of a Parquet file of all figures in time; empty when there are none."""
    table = Table(artifacts, Figure)
    for figure in sorted(figures, key=lambda f: (f.during, f.time_ns)):
        table.add(figure)
    return table.close()


def drawn(figures: Iterable[Figure], supplies: Sequence[Supply], axis: Axis) -> tuple[Series, ...]:
    """What a page shows of one pass: power at each boundary, the hottest zones, clocks, load, memory."""
    by_source: dict[tuple[str, str], list[Figure]] = {}
    for figure in figures:
        if figure.quantity in DRAWN and not figure.source.endswith("/max_khz"):
            by_source.setdefault((figure.by, figure.source), []).append(figure)
    zones = sorted(
        (key for key, rows in by_source.items() if rows[0].quantity == "temperature"),
        key=lambda key: -max(f.value for f in by_source[key]),
    )
    sane = [key for key in zones if all(PLAUSIBLE_C[0] < f.value < PLAUSIBLE_C[1] for f in by_source[key])]
    for key in set(zones) - set(sane[:ZONES]):
        del by_source[key]
    found = [
        Series(quantity="power", source=s.source, unit="W", by=s.boundary, points=_thin(s.points, axis))
        for s in supplies
    ]
    for (by, source), rows in by_source.items():
        quantity = next(q for q in DRAWN if q == rows[0].quantity)
        points = _thin([(f.time_ns, f.value) for f in rows], axis)
        found.append(Series(quantity=quantity, source=source, unit=rows[0].unit, by=by, points=points))
    return tuple(s for s in found if s.points)


def _thin(points: Sequence[tuple[int, float]], axis: Axis) -> tuple[tuple[float, float], ...]:
    """Position on the axis of invocations and value; neighbors share a point beyond `POINTS`. The last figure before the first
    invocation stands at its beginning: what is read rarely would have none else."""
    before = [value for time, value in points if axis.starts and time < axis.starts[0]]
    placed = [(0.0, before[-1])] if before else []
    placed += [(at, value) for time, value in points if (at := axis.position(time)) is not None]
    each = -(-len(placed) // POINTS) or 1
    return tuple(
        (
            round(statistics.fmean(at for at, _ in placed[i : i + each]), 3),
            statistics.fmean(value for _, value in placed[i : i + each]),
        )
        for i in range(0, len(placed), each)
    )
