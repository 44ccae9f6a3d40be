"""Conditions and evidence become pass, fail or undecided, each with its reason; nothing here knows where they come from."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from farm.gate import limits
from farm.gate.answer import Answer, Cell, Decision, Mode, Word
from farm.gate.evidence import Mean, Missing, Paired, PairedMean, Sample, Share
from farm.gate.sizes import first

if TYPE_CHECKING:
    from collections.abc import Sequence

    from farm.gate.condition import Condition
    from farm.gate.evidence import Evidence, Figure

    Known = Share | Mean | Sample | Paired | PairedMean

FEW = 2
"""Evidence is scaled from so many observations on; one alone says nothing of its kind."""
MOST = 1 << 20
"""Up to so many it is asked whether they would decide."""


@dataclass(frozen=True)
class _Sum:
    """The condition's left side, as known from some evidence."""

    estimate: float
    low: float
    high: float
    n: int


def decide(condition: Condition, evidence: Evidence, alpha: float) -> Decision:
    """One condition in one cell; `alpha` of each limit of the whole sum, of no meaning where no confidence is asked for."""
    measured = condition.confidence == 0
    alpha = 1.0 if measured else alpha
    shown = Decision(
        condition=condition.text or str(condition), answer="undecided", reason="", limit=condition.limit,
        comparison=condition.comparison, unit=condition.unit, alpha=alpha, counted=" and ".join(condition.counted),
    )  # fmt: skip
    parts = _parts(condition, evidence)
    missing = list(dict.fromkeys(part.reason for _, part in parts if isinstance(part, Missing)))
    if missing:
        return shown.model_copy(update={"reason": "; ".join(missing)})
    known = [(factor, part) for factor, part in parts if not isinstance(part, Missing)]
    counted = " and ".join(dict.fromkeys(p.counted if isinstance(p, Sample) else "frames" for _, p in known))
    found = _sum(known, alpha, measured=measured)
    answer = _answer(condition, found)
    more = _more(condition, known, alpha, found.n) if answer == "undecided" else None
    return shown.model_copy(
        update={
            "answer": answer,
            "reason": _reason(condition, found, answer, more, counted, measured=measured),
            "counted": counted,
            "estimate": found.estimate,
            "parts": _measured(condition, evidence),
            "low": found.low if math.isfinite(found.low) else None,
            "high": found.high if math.isfinite(found.high) else None,
            "n": found.n,
            "more": more,
        }
    )


def judge(condition: Condition, evidence: Evidence, alpha: float) -> Answer:
    """The answer of `decide`, without its words: many times as quick where it is undecided."""
    known = [(factor, part) for factor, part in _parts(condition, evidence) if not isinstance(part, Missing)]
    if len(known) < len(_parts(condition, evidence)):
        return "undecided"
    return _answer(condition, _sum(known, alpha, measured=condition.confidence == 0))


def cell(evidence: Evidence, decisions: Sequence[Decision]) -> Cell:
    """All conditions of one cell."""
    return Cell(
        model=evidence.model, serial=evidence.serial, configuration=evidence.configuration,
        answer=together([d.answer for d in decisions]), runs=evidence.runs, against=evidence.against,
        decisions=tuple(decisions), notes=evidence.notes,
    )  # fmt: skip


def together(answers: Sequence[Word]) -> Word:
    """Of things that all have to hold: a fail is a fail whatever the others are; nothing at all is undecided."""
    order: tuple[Word, ...] = ("fail", "withheld", "undecided")
    return next((word for word in order if word in answers), "pass" if answers else "undecided")


def outcome(answer: Answer, mode: Mode) -> Answer:
    """What scripts go by."""
    if answer == "undecided" and mode:
        return "fail" if mode == "fp-free" else "pass"
    return answer


def _parts(condition: Condition, evidence: Evidence) -> list[tuple[float, Figure | Paired | PairedMean]]:
    """Factor, and what is known: of new - old as one where both are of the same frames."""
    factor, metric = condition.paired, condition.terms[0].quantity.metric
    pair = evidence.pairs.get(metric)
    if factor is not None and pair is not None and not isinstance(pair, Missing):
        return [(factor, pair)]
    return [(t.factor, evidence.figures.get(t.quantity) or Missing(f"no {t.quantity}")) for t in condition.terms]


def _measured(condition: Condition, evidence: Evidence) -> dict[str, float]:
    found = {}
    for term in condition.terms:
        figure = evidence.figures.get(term.quantity)
        if figure is not None and not isinstance(figure, Missing):
            found[str(term.quantity)] = _estimate(figure)
    return found


def _sum(parts: Sequence[tuple[float, Known]], alpha: float, *, measured: bool, times: float = 1.0) -> _Sum:
    """Limits of the sum; each part's take an equal share of alpha. `times`: as if there were so much more of the same."""
    low = high = estimate = 0.0
    n = math.inf
    for factor, part in parts:
        count = max(1, round(part.n * times))
        value = _estimate(part)
        ends = (value, value) if measured else _limits(part, alpha / len(parts), count)
        estimate += factor * value
        low += factor * ends[factor < 0]
        high += factor * ends[factor > 0]
        n = min(n, count)
    return _Sum(estimate, low, high, int(n))


def _estimate(part: Known) -> float:
    if isinstance(part, Share):
        return part.hits / part.n
    if isinstance(part, Paired):
        return (part.gained - part.lost) / part.n
    if isinstance(part, Sample):
        import numpy as np

        return float(np.quantile(part.values, part.quantile))
    return part.value


def _limits(part: Known, alpha: float, n: int) -> limits.Interval:
    if isinstance(part, Share):
        return limits.share(round(part.hits * n / part.n), n, alpha)
    if isinstance(part, Paired):
        gained = round(part.gained * n / part.n)
        return limits.paired(gained, min(n - gained, round(part.lost * n / part.n)), n, alpha)
    if isinstance(part, Sample):
        return limits.quantile(part.values, part.quantile, alpha, n)
    if isinstance(part, Mean):
        return limits.mean(part.value, n, alpha)
    low, high = limits.mean((part.value + 1) / 2, n, alpha)
    return 2 * low - 1, 2 * high - 1


def _answer(condition: Condition, found: _Sum) -> Answer:
    least, most = condition.holds(found.low), condition.holds(found.high)
    return "undecided" if least != most else "pass" if least else "fail"


def _more(condition: Condition, parts: Sequence[tuple[float, Known]], alpha: float, n: int) -> int | None:
    """How many more of the same would decide it."""
    if n < FEW or not _could_be(condition, parts):
        return None

    def decided(count: int) -> bool:
        return _answer(condition, _sum(parts, alpha, measured=False, times=count / n)) != "undecided"

    needed = first(decided, MOST)
    return None if needed is None else max(1, needed - n)


def _could_be(condition: Condition, parts: Sequence[tuple[float, Known]]) -> bool:
    """Whether what was measured is on one side of the limit: if it is at it, no number decides."""
    estimate = _sum(parts, 1.0, measured=True).estimate
    return not math.isclose(estimate, condition.limit, rel_tol=1e-9, abs_tol=1e-12)


def _reason(
    condition: Condition, found: _Sum, answer: Answer, more: int | None, counted: str, *, measured: bool
) -> str:
    unit = f" {condition.unit}" if condition.unit else ""
    told = f"{found.estimate:.4g}{unit}"
    if measured:
        return f"{told} as measured, without a promise"
    told += f" in [{_number(found.low)}, {_number(found.high)}]"
    against = f"{condition.limit:.4g}{unit}"
    if answer != "undecided":
        side = "above" if (answer == "pass") == condition.rising else "below"
        return f"{told} is {side} {against}"
    told += f" contains {against}"
    if condition.tolerance is not None and found.high - found.low <= 2 * condition.tolerance:
        told += f", nearer than the {condition.tolerance:g}{unit} that are to be told apart"
    if more is None:
        return f"{told}; no number of {counted} like these up to {MOST} decides it"
    return f"{told}; about {more} more {counted} like these would decide it"


def _number(value: float) -> str:
    return f"{value:.4g}" if math.isfinite(value) else "?"
