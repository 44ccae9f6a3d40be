"""How a decision is worded, the same on the terminal, in Markdown and on pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from farm.gate.answer import Decision


def figure(decision: Decision) -> str:
    """`12.3 ms`; of a new and an old `12.3 ms, was 11.9 ms`."""
    if decision.estimate is None:
        return "-"
    sides = {name.rpartition("(")[2]: value for name, value in decision.parts.items()}
    if len(decision.parts) == 2 and set(sides) == {"new)", "old)"}:
        return f"{_number(sides['new)'], decision.unit)}, was {_number(sides['old)'], decision.unit)}"
    return _number(decision.estimate, decision.unit)


def interval(decision: Decision) -> str:
    """`[11.9, 12.6] < 13 ms`, of the sum against its limit; `?` where there is no limit at this n."""
    if decision.estimate is None:
        return "-"
    if decision.alpha == 1:
        return "as measured"
    low, high = ("?" if end is None else f"{end:.4g}" for end in (decision.low, decision.high))
    return f"[{low}, {high}] {decision.comparison} {decision.limit:g} {decision.unit}".rstrip()


def number(decision: Decision) -> str:
    """`120 frames`, `1 run`."""
    return f"{decision.n} {decision.counted.removesuffix('s') if decision.n == 1 else decision.counted}"


def _number(value: float, unit: str) -> str:
    return f"{value:.4g} {unit}".rstrip()


def plain(text: str) -> str:
    """On one line, and without what a terminal or a CI's log would obey."""
    return "".join(c if c.isprintable() else " " for c in text)
