"""What conditions speak about: each metric's unit, and what one observation of it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from farm.trend.figures import METRICS as TASKS

Counted = Literal["frames", "invocations", "rounds", "runs"]
"""What the evidence is counted in."""
RATIO = "pair.latency_ratio"
"""Of a pair: B's median latency over A's."""
OF_BOTH = ("difference", RATIO)
"""Metrics that are of new and old together."""


@dataclass(frozen=True)
class Metric:
    """One figure."""

    name: str
    """As series call it (farm.trend.figures)."""
    unit: str
    """`ms`, `mJ`, `MiB`; empty: a share or a plain number."""
    counted: Counted
    quantile: float = 0.5
    """Of the observations; of no meaning for frames, whose mean counts."""


def _all() -> dict[str, Metric]:
    found = [
        *(Metric(name, "", "frames") for name in ("top1", "top5", "agreement", "difference", "score")),
        Metric("latency.median", "ms", "invocations", 0.5),
        *(Metric(f"latency.p{q}", "ms", "invocations", q / 100) for q in (90, 95, 99)),
        Metric(RATIO, "", "rounds"),
        Metric("latency.preprocess", "ms", "runs"),
        Metric("memory.peak", "MiB", "runs"),
        Metric("energy.median", "mJ", "runs"),
        Metric("layers.worst", "", "runs"),
        Metric("layers.worst_isolated", "", "runs"),
    ]
    known = {metric.name: metric for metric in found}
    # Of a task's other metrics a run tells one number, no score for each frame.
    return known | {name: Metric(name, unit, "runs") for name, unit, _ in TASKS.values() if name not in known}


METRICS = _all()
SHORT = {"accuracy": "top1", "d": "difference"}
"""Other names of metrics; `d` is ease.ml/ci's."""
UNITS: dict[str, tuple[str, float]] = {
    "ns": ("ms", 1e-6), "us": ("ms", 1e-3), "ms": ("ms", 1.0), "s": ("ms", 1e3),
    "uJ": ("mJ", 1e-3), "mJ": ("mJ", 1.0), "J": ("mJ", 1e3),
    "KiB": ("MiB", 1 / 1024), "MiB": ("MiB", 1.0), "GiB": ("MiB", 1024.0), "kB": ("MiB", 1e3 / (1 << 20)),
    "MB": ("MiB", 1e6 / (1 << 20)), "GB": ("MiB", 1e9 / (1 << 20)), "%": ("", 0.01),
}  # fmt: skip
"""Each unit's own one, and how many of those it is."""
