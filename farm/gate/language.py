"""The language of conditions, after ease.ml/ci's (Renggli et al., MLSys 2019), with units and the farm's own metrics.

    gate      = condition {"and" condition}
    condition = sum (">" | ">=" | "<" | "<=") sum ["+/-" number [unit]] ["@" number ["%"]]
    sum       = ["-"] part {("+" | "-") part}
    part      = number [unit] | [number "*"] figure
    figure    = metric ["(" ("new" | "old" | "baseline") ")"] | "n" | "o" | "d" | "old" | "baseline"

`n` and `o` are the accuracy (top-1) of the new and of the old, `d` is the share of frames on which their answers differ;
`baseline` or `old` alone is the condition's one metric, of the old.
"""

from __future__ import annotations

import difflib
import math
import re
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, NoReturn, cast

from farm.errors import GateError
from farm.gate.condition import Condition, Quantity, Term
from farm.gate.metric import METRICS, OF_BOTH, SHORT, UNITS

if TYPE_CHECKING:
    from farm.gate.condition import Comparison, Side

LENGTH = 1000
"""Characters of a text."""
CONDITIONS = 16
TERMS = 8
"""Of one condition, before equal ones are put together."""
SIDES: dict[str, Side] = {"new": "new", "old": "old", "baseline": "old"}
ALONE = {"n": Quantity("top1", "new"), "o": Quantity("top1", "old")}
_TOKEN = re.compile(
    r"\s*(?:(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)|(?P<name>[A-Za-z][A-Za-z0-9_.]*)"
    r"|(?P<sign>\+/-|>=|<=|[><+\-*()@%]))"
)


@dataclass(frozen=True)
class _Token:
    kind: str
    """number, name, sign, end."""
    text: str
    at: int
    """Position in the text."""

    @property
    def words(self) -> str:
        return "the end" if self.kind == "end" else repr(self.text[:40])


def parse(text: str) -> tuple[Condition, ...]:
    """The conditions of a text, at least one, all of which have to hold.

    Raises:
        GateError: names the column, shows it, and says what was expected there.
    """
    return _Parser(text).gate()


class _Parser:
    """One text on its way."""

    def __init__(self, text: str) -> None:
        self.text = text
        if len(text) > LENGTH:
            self.fail(LENGTH, f"a text of {len(text)} characters", f"at most {LENGTH}; write several conditions")
        self.tokens = self._tokens()
        self.next = 0

    def gate(self) -> tuple[Condition, ...]:
        found = [self._condition()]
        while self._take("name", "and"):
            if len(found) == CONDITIONS:
                self._refuse(f"at most {CONDITIONS} conditions in one text")
            found.append(self._condition())
        if self._now.kind != "end":
            self._refuse("and, +/-, @ or the end")
        return tuple(found)

    def fail(self, at: int, found: str, expected: str) -> NoReturn:
        shown = "".join(c if c.isprintable() else " " for c in self.text[: LENGTH + 1])
        error = GateError(
            f"column {at + 1}: found {found}, expected {expected}\n    {shown}\n    {' ' * at}^",
            where="condition",
            remedy="docs/gates.md has the language",
        )
        error.at = at
        raise error

    def _tokens(self) -> list[_Token]:
        found: list[_Token] = []
        text, at = self.text, 0
        while at < len(text.rstrip()):
            match = _TOKEN.match(text, at)
            if match is None:
                at += len(text[at:]) - len(text[at:].lstrip())
                self.fail(at, repr(text[at]), "a number, a metric, or one of > >= < <= + - * ( ) @ +/- %")
            kind = match.lastgroup or ""
            found.append(_Token(kind, match[kind], match.start(kind)))
            at = match.end()
        return [*found, _Token("end", "", len(text.rstrip()))]

    @property
    def _now(self) -> _Token:
        return self.tokens[self.next]

    def _take(self, kind: str, *texts: str) -> _Token | None:
        token = self._now
        if token.kind != kind or (texts and token.text not in texts):
            return None
        self.next += 1
        return token

    def _refuse(self, expected: str) -> NoReturn:
        self.fail(self._now.at, self._now.words, expected)

    def _condition(self) -> Condition:
        begins = self._now.at
        left = self._sum()
        comparison = self._take("sign", ">", ">=", "<", "<=")
        if comparison is None:
            self._refuse("> >= < or <=" + (", + or -" if left else ""))
        sums = left + [part.turned() for part in self._sum()]
        self._name_baselines(sums)
        figures = [part for part in sums if part.quantity is not None]
        if not figures:
            self.fail(begins, "numbers alone", f"a metric: {_known()}")
        unit = METRICS[cast("Quantity", figures[0].quantity).metric].unit
        terms, limit = self._put_together(sums, unit)
        if not terms:
            self.fail(begins, "nothing that is left to compare", "figures that do not cancel")
        tolerance, confidence = self._tolerance(unit), self._confidence()
        ends = self.tokens[self.next - 1]
        text = self.text[begins : ends.at + len(ends.text)]
        return Condition(terms, cast("Comparison", comparison.text), limit, tolerance, confidence, text)

    def _sum(self) -> list[_Part]:
        sign = -1.0 if self._take("sign", "-") else 1.0
        found = [self._part(sign)]
        while token := self._take("sign", "+", "-"):
            if len(found) == TERMS:
                self.fail(token.at, token.words, f"at most {TERMS} parts of a sum")
            found.append(self._part(-1.0 if token.text == "-" else 1.0))
        return found

    def _part(self, sign: float) -> _Part:
        token = self._now
        number = self._number()
        if number is None:
            return _Part(sign, self._figure(), token.at)
        if self._take("sign", "*"):
            return _Part(sign * number, self._figure(), token.at)
        return _Part(sign * number, None, token.at, self._unit())

    def _number(self) -> float | None:
        token = self._take("number")
        if token is None:
            return None
        value = float(token.text)
        if not math.isfinite(value):
            self.fail(token.at, token.words, "a smaller number")
        return value

    def _unit(self) -> str:
        if self._take("sign", "%"):
            return "%"
        if self._now.kind != "name" or self._now.text == "and":
            return ""
        if self._now.text not in UNITS:
            self._refuse(f"* or a unit: {', '.join(UNITS)}")
        token = self._take("name")
        return token.text if token is not None else ""

    def _figure(self) -> Quantity:
        token = self._take("name")
        if token is None:
            self._refuse("a number or a metric")
        if token.text in ALONE:
            return ALONE[token.text]
        if token.text in ("old", "baseline"):
            return Quantity("", "old")
        name = SHORT.get(token.text, token.text)
        if name not in METRICS:
            close = difflib.get_close_matches(token.text, [*METRICS, *SHORT], n=1)
            self.fail(token.at, token.words, f"{close[0]!r}?" if close else f"a metric: {_known()}")
        return Quantity(name) if name in OF_BOTH else Quantity(name, self._side())

    def _side(self) -> Side:
        if not self._take("sign", "("):
            return "new"
        token = self._take("name", *SIDES)
        if token is None:
            self._refuse("new, old or baseline")
        if not self._take("sign", ")"):
            self._refuse("')'")
        return SIDES[token.text]

    def _name_baselines(self, sums: list[_Part]) -> None:
        named = {part.quantity.metric for part in sums if part.quantity is not None and part.quantity.metric}
        for i, part in enumerate(sums):
            if part.quantity is None or part.quantity.metric:
                continue
            if len(named) != 1 or named & set(OF_BOTH):
                self.fail(part.at, "a baseline", "of which metric: say METRIC(old)")
            sums[i] = _Part(part.factor, Quantity(next(iter(named)), "old"), part.at)

    def _put_together(self, sums: list[_Part], unit: str) -> tuple[tuple[Term, ...], float]:
        factors: dict[Quantity, float] = {}
        limit = 0.0
        for part in sums:
            if part.quantity is None:
                limit -= self._in(unit, part.factor, part.unit, part.at)
                continue
            if METRICS[part.quantity.metric].unit != unit:
                other = METRICS[part.quantity.metric].unit or "no unit"
                self.fail(part.at, f"{part.quantity} in {other}", f"figures in {unit or 'no unit'} like the first")
            factors[part.quantity] = factors.get(part.quantity, 0.0) + part.factor
        if not all(map(math.isfinite, (limit, *factors.values()))):
            self.fail(sums[0].at, "a sum beyond all numbers", "smaller numbers")
        return tuple(Term(factor, quantity) for quantity, factor in factors.items() if factor), limit

    def _in(self, unit: str, value: float, given: str, at: int) -> float:
        """`value` in the condition's unit."""
        names = [name for name, (own, _) in UNITS.items() if own == unit]
        if not given:
            if unit and value:
                self.fail(at, "a number without a unit", f"one of {', '.join(names)}")
            return value
        own, factor = UNITS[given]
        if own != unit:
            self.fail(at, f"a number in {given}", f"one in {', '.join(names)}")
        return _percent(value) if given == "%" else value * factor

    def _tolerance(self, unit: str) -> float | None:
        if not self._take("sign", "+/-"):
            return None
        at, value = self._now.at, self._number()
        if value is None:
            self._refuse("a number")
        found = self._in(unit, value, self._unit(), at)
        if not 0 < found < math.inf:
            self.fail(at, repr(found), "a tolerance above 0")
        return found

    def _confidence(self) -> float | None:
        if not self._take("sign", "@"):
            return None
        at, value = self._now.at, self._number()
        if value is None:
            self._refuse("a number")
        found = _percent(value) if self._take("sign", "%") else value
        if not 0 <= found < 1:
            self.fail(at, repr(found), "a confidence from 0 (none is asked for) to below 1, say 0.99")
        return found


@dataclass(frozen=True)
class _Part:
    """`factor * quantity`, or a number with its unit."""

    factor: float
    quantity: Quantity | None
    at: int
    unit: str = ""

    def turned(self) -> _Part:
        return _Part(-self.factor, self.quantity, self.at, self.unit)


def _percent(value: float) -> float:
    """As it is written: 99.9 % is 0.999, not the 0.9990000000000001 of a division."""
    return float(Decimal(repr(value)).scaleb(-2))


def _known() -> str:
    return ", ".join(METRICS)
