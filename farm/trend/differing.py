"""Circumstances that are not the same before and after a shift: told before the figure is blamed on the model."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING

from farm.trend.shift import Differing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from farm.trend.series import Point

NEAR = 14
"""Points on each side that count: what changed long before did not move the figure."""
FIRST = ("model", "commit", "recipe", "inputs", "runtime", "firmware", "sdk", "app", "temperature", "throttled")
"""Told in this order, the others after them by name."""
RUNNING = frozenset({"commit", "model"})
"""What may be another one every night."""
MEASURED = frozenset({"temperature", "battery"})
"""Numbers that are never quite the same; they differ beyond their usual range only."""
SLACK = {"temperature": 1.0, "battery": 10.0}
"""Kelvin and percent that such a range is widened by: fourteen nights do not show all that is usual."""


def differing(before: Sequence[Point], after: Sequence[Point]) -> tuple[Differing, ...]:
    """What is otherwise in most of the first points of the new level than it was in the last ones of the old."""
    old = [point.circumstances for point in before[-NEAR:]]
    new = [point.circumstances for point in after[:NEAR]]
    if not old or not new:
        return ()
    names = {name for told in (*old, *new) for name in told}
    order = sorted(names, key=lambda name: (FIRST.index(name) if name in FIRST else len(FIRST), name))
    found = (
        (_measured if name in MEASURED else _named)(
            name, [c.get(name, "") for c in old], [c.get(name, "") for c in new]
        )
        for name in order
    )
    return tuple(difference for difference in found if difference is not None)


def _named(name: str, old: list[str], new: list[str]) -> Differing | None:
    then, now = _usual(old), _usual(new)
    if name in RUNNING:
        # New every night: what lies between the last of the old level and the first of the new one may have done it.
        then, now = then or old[-1], now or new[0]
    return (
        Differing(name=name, before=then, after=now) if then is not None and now is not None and then != now else None
    )


def _usual(told: list[str]) -> str | None:
    """What more than half of them say; None: it varies all the time."""
    word, count = Counter(told).most_common(1)[0]
    return word if 2 * count > len(told) else None


def _measured(name: str, old: list[str], new: list[str]) -> Differing | None:
    then, now = _numbers(old), _numbers(new)
    if len(then) <= len(old) // 2 or len(now) <= len(new) // 2:
        return None
    level, low, high = now[len(now) // 2], then[0], then[-1]
    if low - SLACK[name] <= level <= high + SLACK[name]:
        return None
    return Differing(name=name, before=f"{low:g} to {high:g}" if low < high else f"{low:g}", after=f"{level:g}")


def _numbers(told: list[str]) -> list[float]:
    """Sorted; what is no number is left out."""
    return sorted(value for word in told if (value := number(word)) is not None)


def number(word: str) -> float | None:
    """A finite number that `word` is (a percent sign may follow), or None."""
    try:
        value = float(word.removesuffix("%"))
    except ValueError:
        return None
    return value if math.isfinite(value) else None
