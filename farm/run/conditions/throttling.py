"""Whether a pass was throttled: pure functions of its times, its clocks and its heat."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from farm.report.measures import Throttling
from farm.run.conditions.gates import SEVERITY

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from farm.capture.rows import SampleRow
    from farm.run.conditions.reading import Reading
    from farm.sections.devices import Conditions

BLOCKS = 20
"""Neighbors share a block, whose median stands for them: single outliers, and what neighbors have in common, count once."""
LEAST = 8
LEVEL = 0.001
"""Of the trend's p-value: a lab has many passes."""


@dataclass(frozen=True)
class Drift:
    """`change`: from the first invocation to the last along the robust trend, as a share of the first."""

    change: float
    p_value: float


def drift(times: Sequence[float]) -> Drift | None:
    """The trend of invocation times in the order they ran: Theil and Sen's slope over block medians, and the two-sided
    p-value of Mann and Kendall's test. None where they are too few, or not positive numbers."""
    values = np.asarray(times, float)
    if len(values) < LEAST or not np.isfinite(values).all() or (values <= 0).any():
        return None
    blocks = np.array([np.median(part) for part in np.array_split(values, min(BLOCKS, len(values)))])
    n = len(blocks)
    i, j = np.triu_indices(n, 1)
    slope = float(np.median((blocks[j] - blocks[i]) / (j - i)))
    start = max(float(np.median(blocks - slope * np.arange(n))), float(blocks.min()))  # a line may begin below zero
    return Drift(slope * (n - 1) / start, mann_kendall(blocks))


def mann_kendall(values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> float:
    """Two-sided p-value of no trend in `values` [n], by the normal approximation with ties."""
    n = len(values)
    i, j = np.triu_indices(n, 1)
    s = float(np.sign(values[j] - values[i]).sum())
    _, ties = np.unique(values, return_counts=True)
    variance = (n * (n - 1) * (2 * n + 5) - float((ties * (ties - 1) * (2 * ties + 5)).sum())) / 18
    if variance <= 0:
        return 1.0
    z = max(0.0, abs(s) - 1) / math.sqrt(variance)
    return math.erfc(z / math.sqrt(2))


def caps(rows: Iterable[SampleRow]) -> dict[str, tuple[int, int]]:
    """Of each cluster that had its clock cap lowered during the pass: kHz at its start, and the lowest."""
    seen: dict[str, list[int]] = {}
    for row in rows:
        if row.source.endswith("/cap_khz") and row.value > 0:
            seen.setdefault(row.source.split("/")[1], []).append(row.value)
    return {cpu: (values[0], min(values)) for cpu, values in seen.items() if min(values) < values[0]}


def throttling(
    name: str,
    times: Sequence[float],
    rows: Iterable[SampleRow],
    before: Reading | None,
    after: Reading | None,
    limits: Conditions,
) -> Throttling | None:
    """What says that pass `name` was throttled; None when nothing does. `times`: of its invocations, in order."""
    found = [
        f"cpu {cpu} was held to {low / 1000:.0f} of {start / 1000:.0f} MHz"
        for cpu, (start, low) in caps(rows).items()
    ]  # fmt: skip
    worst = after.thermal if after is not None else None
    if worst is not None and SEVERITY[worst] > SEVERITY[limits.thermal_max]:
        found.append(f"thermal status {worst} at its end")
    celsius = after.battery.temperature_c if after is not None else None
    if celsius is not None and celsius > limits.battery_max_c:
        found.append(f"battery at {celsius:.1f} C at its end")
    trend = drift(times)
    if trend is not None and trend.change >= limits.drift and trend.p_value < LEVEL:
        found.append(
            f"invocations became {100 * trend.change:.0f} % slower from first to last (p = {trend.p_value:.2g})"
        )
    if not found:
        return None
    start = before.celsius if before is not None else None
    end = after.celsius if after is not None else None
    if start is not None and end is not None:
        found.append(f"from {start:.1f} to {end:.1f} C")
    return Throttling(
        during=name,
        evidence=tuple(found),
        change=trend.change if trend else None,
        p_value=trend.p_value if trend else None,
    )
