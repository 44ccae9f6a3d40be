"""Conjunctions of simple conditions over attributes: the words in which slices and explanations are told."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    Array = np.ndarray[Any, Any]
    Attributes = Mapping[str, str | float]

LIMIT_VALUES = 30
"""Of one attribute, the most frequent ones."""
CUTS = (0.25, 0.5, 0.75)
"""Quantiles at which a number is told apart."""
LIMIT_PATTERNS = 20_000
LIMIT_CELLS = 1 << 25


@dataclass(frozen=True)
class Condition:
    """On one attribute."""

    attribute: str
    sign: str
    """`=`, `<=` or `>`."""
    value: str | float

    def __str__(self) -> str:
        value = f"{self.value:g}" if isinstance(self.value, float | int) else self.value
        return f"{self.attribute} {self.sign} {value}"


@dataclass(frozen=True)
class Pattern:
    """Rows that all of the conditions hold for."""

    conditions: tuple[Condition, ...]
    rows: Array
    """bool [n]"""

    def __str__(self) -> str:
        return " and ".join(map(str, self.conditions)) or "all"


def patterns(rows: Sequence[Attributes], *, most: int, least: int) -> list[Pattern]:
    """Every conjunction of at most `most` conditions that between `least` and all but one rows fit.

    Of several that the same rows fit, the one with the fewest conditions, else the first, stands. Fewer conditions come first;
    beyond `LIMIT_PATTERNS`, longer ones are left out.
    """
    n = len(rows)
    known: dict[bytes, None] = {}
    found: list[Pattern] = []
    cells = 0

    def add(conditions: tuple[Condition, ...], fits: Array) -> bool:
        nonlocal cells
        count = int(fits.sum())
        if count < max(1, least) or count >= n:
            return False
        key = np.packbits(fits).tobytes()
        if key not in known:
            known[key] = None
            found.append(Pattern(conditions, fits))
            cells += n
        return True

    level = [p for c, fits in _conditions(rows) if add((c,), fits) for p in [Pattern((c,), fits)]]
    singles = level
    for _ in range(1, most):
        longer = []
        for pattern, single in itertools.product(level, singles):
            condition = single.conditions[0]
            last = pattern.conditions[-1]
            if (condition.attribute, condition.sign) <= (last.attribute, last.sign):
                continue
            if condition.attribute == last.attribute and "=" in (condition.sign, last.sign):
                continue
            if len(found) >= LIMIT_PATTERNS or cells >= LIMIT_CELLS:
                return found
            conditions, fits = (*pattern.conditions, condition), pattern.rows & single.rows
            if add(conditions, fits):
                longer.append(Pattern(conditions, fits))
        level = longer
    return found


def _conditions(rows: Sequence[Attributes]) -> Iterator[tuple[Condition, Array]]:
    for name in dict.fromkeys(name for row in rows for name in row):
        values = [row.get(name) for row in rows]
        told = [v for v in values if v is not None]
        if all(isinstance(v, int | float) and not isinstance(v, bool) for v in told):
            numbers = np.array([math.nan if v is None else float(v) for v in values])
            distinct = np.unique(numbers[~np.isnan(numbers)])
            cuts = (
                np.unique(np.quantile(distinct, CUTS, method="lower")) if len(distinct) > len(CUTS) else distinct[:-1]
            )
            for cut in cuts:
                yield Condition(name, "<=", float(cut)), numbers <= cut
                yield Condition(name, ">", float(cut)), numbers > cut
            continue
        texts = np.array(["\0" if v is None else f"{v:g}" if isinstance(v, float) else str(v) for v in values])
        distinct, counts = np.unique(texts, return_counts=True)
        for value in distinct[np.argsort(-counts, kind="stable")[:LIMIT_VALUES]]:
            if value != "\0":
                yield Condition(name, "=", str(value)), texts == value
