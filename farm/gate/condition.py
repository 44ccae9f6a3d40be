"""A condition as it is meant: a sum of figures against a limit, how precisely and how surely."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from farm.gate.metric import METRICS, OF_BOTH, Counted

Side = Literal["new", "old"]
Comparison = Literal[">", ">=", "<", "<="]


@dataclass(frozen=True)
class Quantity:
    """One metric of one side; `old` is what the new is compared with. What is of both says `new`."""

    metric: str
    side: Side = "new"

    def __str__(self) -> str:
        if self.metric in OF_BOTH:
            return "d" if self.metric == "difference" else self.metric
        return f"{self.metric}({self.side})"


@dataclass(frozen=True)
class Term:
    """`factor * quantity`; the factor is finite and not 0."""

    factor: float
    quantity: Quantity

    def __str__(self) -> str:
        return str(self.quantity) if self.factor == 1 else f"{self.factor!r} * {self.quantity}"


@dataclass(frozen=True)
class Condition:
    """The sum of the terms, all of one unit, each quantity once, `comparison` `limit`."""

    terms: tuple[Term, ...]
    comparison: Comparison
    limit: float
    tolerance: float | None = None
    """How precisely the sum should be known; None: not said."""
    confidence: float | None = None
    """That the answer is right; None: the gate's; 0: none is asked for, figures count as they were measured."""
    text: str = field(default="", compare=False)
    """As its author wrote it."""

    @property
    def unit(self) -> str:
        """Of limit and tolerance."""
        return METRICS[self.terms[0].quantity.metric].unit

    @property
    def counted(self) -> tuple[Counted, ...]:
        """What its evidence is counted in, each once."""
        return tuple(dict.fromkeys(METRICS[t.quantity.metric].counted for t in self.terms))

    @property
    def compares(self) -> bool:
        """Whether it needs something to compare with."""
        return any(t.quantity.side == "old" or t.quantity.metric in OF_BOTH for t in self.terms)

    @property
    def rising(self) -> bool:
        """Whether more of the sum is better."""
        return self.comparison[0] == ">"

    @property
    def paired(self) -> float | None:
        """The factor of new - old where the sum is that of one metric of frames; None where it is not."""
        if len(self.terms) != 2:
            return None
        a, b = self.terms
        same = a.quantity.metric == b.quantity.metric and a.factor == -b.factor
        if not same or METRICS[a.quantity.metric].counted != "frames":
            return None
        return a.factor if a.quantity.side == "new" else b.factor

    def holds(self, value: float) -> bool:
        """Whether the condition holds of a sum that is known."""
        limit = self.limit
        return {">": value > limit, ">=": value >= limit, "<": value < limit, "<=": value <= limit}[self.comparison]

    def __str__(self) -> str:
        unit = f" {self.unit}" if self.unit else ""
        shown = str(self.terms[0]) if self.terms[0].factor != -1 else f"-{self.terms[0].quantity}"
        for term in self.terms[1:]:
            shown += f" {'-' if term.factor < 0 else '+'} {Term(abs(term.factor), term.quantity)}"
        shown += f" {self.comparison} {self.limit!r}{unit}"
        if self.tolerance is not None:
            shown += f" +/- {self.tolerance!r}{unit}"
        return shown if self.confidence is None else f"{shown} @ {self.confidence!r}"
