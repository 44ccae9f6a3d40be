"""One figure of one model on one device under one configuration, over time."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from farm.report.base import Part

Better = Literal["low", "high"]


class Key(Part):
    """What a series is of. `schedule` is empty for what people submitted."""

    schedule: str
    model: str
    serial: str
    configuration: str
    metric: str
    """`latency.median`, `latency.p90`, `memory.peak`, `energy.median`, `top1`, `agreement`, ...: see farm.trend.figures."""


class Point(Part):
    """What one run gave."""

    at: float
    """Unix seconds at which the run ended."""
    run: int
    night: int | None = None
    value: float
    low: float | None = None
    """Of the 95 % interval, as `high`; None where the run told none."""
    high: float | None = None
    n: int | None = None
    """Frames or invocations behind it."""
    circumstances: dict[str, str] = Field(default={})
    """What it was taken under (runtime, firmware, sha256 of the model, context, delegate, threads, temperature, ...)."""


class Series(Part):
    """Points, the oldest first."""

    id: int
    key: Key
    unit: str
    better: Better
    points: tuple[Point, ...] = ()
