"""Are gates' answers wrong as seldom as they promise? And how many frames does the promise take?

Every answer is simulated: models with a known accuracy, frames drawn anew, no device and no real model behind them. A decision
is wrong when it says pass of a condition that does not hold, or fail of one that does. Truth stands at the limit itself, where
it is hardest, and beside it. Each row is consistent with its promise where the exact binomial p of so many wrong ones, or more,
is over 0.01 after Holm's correction for having looked at all rows; the program ends with status 1 where one is not.

    python -m benchmarks.gates [--checks 2000] [--seed 1]
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from farm.compare.accuracy import holm
from farm.gate import budget, sizes
from farm.gate.condition import Quantity
from farm.gate.decide import judge, outcome, together
from farm.gate.evidence import Evidence, Paired, Sample, Share
from farm.gate.explain import alpha
from farm.gate.language import parse

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from farm.gate.answer import Answer, Mode
    from farm.gate.budget import Adaptivity
    from farm.gate.condition import Condition

    Array = np.ndarray[Any, Any]

TOP1, OLD = Quantity("top1"), Quantity("top1", "old")
P90, OLD_P90 = Quantity("latency.p90"), Quantity("latency.p90", "old")
CONFIDENCE = 0.95
"""Of every row: a promise that can be seen to be broken within some thousand checks."""
CONSISTENT = 0.01
NAIVE = "naive: the same, each check by itself"
"""Beside the others, to show what it costs not to count: nothing is promised of it."""


@dataclass(frozen=True)
class Row:
    """So many checks of one kind."""

    name: str
    checks: int
    wrong: int
    decided: int
    promised: float

    @property
    def p(self) -> float:
        """Of so many wrong ones or more, if each is wrong with the probability that is promised at most."""
        from scipy.stats import binom

        return float(binom.sf(self.wrong - 1, self.checks, self.promised))


@dataclass(frozen=True)
class Truth:
    """What a new and an old model are like."""

    name: str
    condition: str
    new: float
    old: float = 0.0
    differ: float = 0.0
    """Share of the frames on which one alone is right; 0: the two are drawn apart, on frames of their own."""
    n: int = 500

    def holds(self, condition: Condition) -> bool:
        """Whether the condition is true of them."""
        values = {TOP1: self.new, OLD: self.old, P90: self.new, OLD_P90: self.old}
        # As a sum of figures that are written to a few digits, not of their binary neighbors.
        return condition.holds(round(sum(t.factor * values[t.quantity] for t in condition.terms), 9))

    def evidence(self, random: np.random.Generator) -> Evidence:
        """A test set's answers, or invocations whose 90th percentile is known (exponential times)."""
        if "latency" in self.condition:

            def sample(p90: float) -> Sample:
                return Sample(tuple(np.sort(random.exponential(p90 / np.log(10), self.n)).tolist()), 0.9, "invocations")

            return Evidence("m", "d", "", {P90: sample(self.new), OLD_P90: sample(self.old or 1.0)})
        if self.differ:
            up = (self.differ + self.new - self.old) / 2
            gained, lost, _ = random.multinomial(self.n, (up, self.differ - up, 1 - self.differ))
            return Evidence("m", "d", "", {}, {"top1": Paired(int(gained), int(lost), self.n)})
        hits = {TOP1: self.new, OLD: self.old}
        return Evidence("m", "d", "", {q: Share(int(random.binomial(self.n, p)), self.n) for q, p in hits.items()})


TRUTHS = (
    Truth("one share, at the limit", "top1 > 0.7", 0.7),
    Truth("one share, at the limit, may be", "top1 >= 0.7", 0.7),
    Truth("one share, 1 point above", "top1 > 0.7", 0.71),
    Truth("one share, near 1, at the limit", "top1 >= 0.99", 0.99),
    Truth("unpaired, at the limit", "top1(new) - top1(old) > -0.05", 0.75, 0.8),
    Truth("paired, at the limit, 10 % differ", "top1(new) - top1(old) > -0.05", 0.75, 0.8, 0.1),
    Truth("paired, at the limit, 30 % differ", "top1(new) - top1(old) > -0.05", 0.75, 0.8, 0.3),
    Truth("paired, at the limit, 90 % differ", "top1(new) - top1(old) > 0.2", 0.75, 0.55, 0.9),
    Truth("paired, no change", "top1(new) - top1(old) >= 0.0", 0.8, 0.8, 0.1),
    Truth("paired, weighted", "2 * top1(new) - 2 * top1(old) > -0.1", 0.75, 0.8, 0.1),
    Truth("latency, at the limit", "latency.p90 < 5 ms", 5.0),
    Truth("latency, against the old, at the limit", "latency.p90 < 1.05 * baseline", 5.25, 5.0),
)


def main() -> None:
    """Print each row, then the sizes; status 1 where a promise is broken."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--checks", type=int, default=2000, help="of each row")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    rows = list(run(arguments.checks, arguments.seed))
    print(f"simulated checks, each right with confidence {CONFIDENCE:g} as promised")
    print(f"{'':44} {'checks':>7} {'decided':>8} {'wrong':>6} {'at most':>8} {'p':>7}")
    for row in rows:
        print(
            f"{row.name:44} {row.checks:7} {row.decided:8} {row.wrong:6} {row.promised * row.checks:8.1f} {row.p:7.3f}"
        )
    print()
    for line in size_lines():
        print(line)
    if any(p < CONSISTENT for p in holm([row.p for row in rows if row.name != NAIVE])):
        sys.exit(1)


def run(checks: int, seed: int) -> Iterator[Row]:
    """Every row; the same for the same numbers."""
    random = np.random.default_rng(seed)
    for truth in TRUTHS:
        yield _single(truth, checks, random)
    for mode in ("fp-free", "fn-free"):
        yield _mode(mode, TRUTHS[5], checks, random)
    yield _whole_gate(checks, random)
    yield from _reused(max(50, checks // 10), random)


def _single(truth: Truth, checks: int, random: np.random.Generator) -> Row:
    (condition,) = parse(truth.condition)
    answers = [judge(condition, truth.evidence(random), 1 - CONFIDENCE) for _ in range(checks)]
    right = "pass" if truth.holds(condition) else "fail"
    decided = [answer for answer in answers if answer != "undecided"]
    return Row(truth.name, checks, sum(answer != right for answer in decided), len(decided), 1 - CONFIDENCE)


def _mode(mode: Mode, truth: Truth, checks: int, random: np.random.Generator) -> Row:
    """No pass is wrong in fp-free, no fail in fn-free: the other kind is the price, and is not counted."""
    (condition,) = parse(truth.condition if mode == "fp-free" else truth.condition.replace(">", ">="))
    bad: Answer = "pass" if mode == "fp-free" else "fail"
    found = [outcome(judge(condition, truth.evidence(random), 1 - CONFIDENCE), mode) for _ in range(checks)]
    return Row(f"{mode}, paired, at the limit", checks, found.count(bad), checks, 1 - CONFIDENCE)


def _whole_gate(checks: int, random: np.random.Generator) -> Row:
    """Three conditions on five devices, all of them at their limits from the good side: no fail of any may be."""
    truths = [
        TRUTHS[1],
        Truth("", "top1(new) - top1(old) >= -0.05", 0.75, 0.8, 0.1),
        Truth("", "latency.p90 <= 5 ms", 5.0),
    ]
    conditions = [condition for truth in truths for condition in parse(truth.condition)]
    cells = 5
    each = [alpha(c, conditions, CONFIDENCE, cells, "none", 1) for c in conditions]
    wrong = 0
    for _ in range(checks):
        words = [
            judge(condition, truth.evidence(random), own)
            for _ in range(cells)
            for truth, condition, own in zip(truths, conditions, each, strict=True)
        ]
        wrong += together(words) == "fail"
    return Row("3 conditions x 5 devices, any of them", checks, wrong, checks, 1 - CONFIDENCE)


def _reused(sets: int, random: np.random.Generator) -> Iterator[Row]:
    """One test set, asked again and again by somebody who learns its labels from the answers (Blum and Hardt 2015).

    Labels are coins, so that every model's accuracy is 0.5 and every pass of `top1 > 0.5` is wrong. Each step proposes the
    majority of the models before, turned round where they were wrong on more than half of the frames: one bit a step, as
    `full` allows for. Until a model passes, `first-change` tells none. Counted are test sets on which any model passed.
    """
    steps, n = 16, 400
    (condition,) = parse("top1 > 0.5")
    uses: Sequence[tuple[str, Adaptivity, int]] = (
        ("reused by answers, 16 steps: full", "full", steps),
        ("reused until a model passes, 16 steps", "first-change", steps),
        (NAIVE, "none", 1),
    )
    for name, adaptivity, promised in uses:
        own = alpha(condition, [condition], CONFIDENCE, 1, adaptivity, promised)
        told = adaptivity != "first-change"
        wrong = sum(_attacked(condition, own, steps, n, random, told=told) for _ in range(sets))
        yield Row(name, sets, wrong, sets, 1 - CONFIDENCE)


def _attacked(condition: Condition, own: float, steps: int, n: int, random: np.random.Generator, *, told: bool) -> bool:
    labels = random.integers(0, 2, n)
    votes = np.zeros(n)
    for _ in range(steps):
        drawn = random.integers(0, 2, n)
        tried = ((votes + 2 * drawn - 1) > 0).astype(int) if votes.any() else drawn
        if judge(condition, Evidence("m", "d", "", {TOP1: Share(int((tried == labels).sum()), n)}), own) == "pass":
            return True
        better = told and 2 * int((drawn == labels).sum()) >= n
        votes += (2 * drawn - 1) * (1 if better else -1)
    return False


def size_lines() -> Iterator[str]:
    """Frames of the exact sizes beside ease.ml/ci's bounds."""
    yield "frames for n (one share) and n - o, 32 steps; Hoeffding: as ease.ml/ci bounds it; exact: as gates ask"
    ways: tuple[Adaptivity, ...] = ("none", "full")
    yield f"{'confidence':>10} {'+/-':>6} {'steps':>6} {'n: Hoeffding':>13} {'exact':>8} {'n-o: Hoeffding':>15}"
    for confidence in (0.99, 0.999, 0.9999):
        for tolerance in (0.1, 0.05, 0.025, 0.01):
            for adaptivity in ways:
                own = budget.alpha(confidence, conditions=1, cells=1, courses=budget.courses(adaptivity, 32))
                yield (
                    f"{confidence:10g} {tolerance:6g} {adaptivity:>6} {sizes.hoeffding(tolerance, own):13}"
                    f" {sizes.share(tolerance, own):8} {sizes.hoeffding(tolerance / 2, own / 2):15}"
                )
    yield ""
    yield "frames for n - o where so many answers differ, 0.9999, +/- 0.01, 32 steps; Bennett: as ease.ml/ci bounds it"
    yield f"{'differ':>10} {'steps':>6} {'Bennett':>9} {'exact':>9}"
    for differ in (0.01, 0.05, 0.1, 0.2):
        for adaptivity in ways:
            own = 1e-4 / 4 / budget.courses(adaptivity, 32)
            yield f"{differ:10g} {adaptivity:>6} {sizes.bennett(differ, 0.01, own):9} {sizes.paired(differ, 0.01, own):9}"


if __name__ == "__main__":
    main()
