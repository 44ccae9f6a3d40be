"""Axes of plots: from figures to places, and the ticks in between."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Scale:
    """One axis. `start` and `end` are where `low` and `high` stand on the page."""

    low: float
    high: float
    start: float
    end: float
    logarithmic: bool = False

    def place(self, value: float) -> float:
        """Where a value stands; beyond the ends, at the end."""
        if math.isnan(value):
            return self.end
        value = min(self.high, max(self.low, value))
        low, high = self.low, self.high
        if self.logarithmic:
            value, low, high = math.log10(value), math.log10(low), math.log10(high)
        return self.start + (value - low) / (high - low) * (self.end - self.start)

    def ticks(self, most: int = 6) -> list[float]:
        """At most about `most` round values: 1, 2 or 5 times a power of ten; powers of ten alone on a logarithmic axis."""
        if self.logarithmic:
            first, last = round(math.log10(self.low)), round(math.log10(self.high))
            decades = max(1, math.ceil((last - first) / most))
            return [10.0**e for e in range(first, last + 1, decades)]
        step = _round_up((self.high - self.low) / most)
        lowest = math.ceil(self.low / step - 1e-9)
        return [i * step for i in range(lowest, math.floor(self.high / step + 1e-9) + 1)]


def linear(highest: float, start: float, end: float, lowest: float = 0.0) -> Scale:
    """From `lowest` up to a round value above `highest`."""
    span = highest - lowest
    step = _round_up(span / 4) if span > 0 and math.isfinite(span) else 1.0
    low = math.floor(lowest / step + 1e-9) * step
    return Scale(low, low + max(1, math.ceil((highest - low) / step - 1e-9)) * step, start, end)


def number(value: float) -> str:
    """As few digits as a tick needs."""
    return (
        f"{value:.10g}"
        if value == 0 or 1e-3 <= abs(value) < 1e6
        else f"{value:.0e}".replace("e-0", "e-").replace("e+0", "e")
    )


def _round_up(step: float) -> float:
    if step <= 0 or not math.isfinite(step):
        return 1.0
    power = 10.0 ** math.floor(math.log10(step))
    return next((m * power for m in (1, 2, 5) if m * power >= step * (1 - 1e-9)), 10 * power)
