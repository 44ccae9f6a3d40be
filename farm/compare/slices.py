"""Who is affected: worst slices, explanation tables, the shortest description of a set."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from farm.compare.patterns import Pattern, patterns
from farm.report.fleet import Description, TableRow
from farm.report.slice import Slice

if TYPE_CHECKING:
    from collections.abc import Sequence

    from farm.compare.patterns import Attributes

    Array = np.ndarray[Any, Any]

ALPHA = 0.05
PERMUTATIONS = 199
SEED = 20140831
SIZE = 0.05
"""Weight of a slice's smallness against its error, as 1 - alpha in SliceLine (Sagadeeva and Boehm 2021)."""
LENGTH = 0.1
"""What a condition beyond the first costs in score: of slices about as bad, the shorter one is told."""
OVERLAP = 0.5
"""Share of common rows (Jaccard) above which two slices tell the same."""
FEWEST = 5


def worst_slices(rows: Sequence[Attributes], errors: Array, *, most: int = 2, top: int = 5) -> tuple[Slice, ...]:
    """Slices whose mean error is worse than chance makes any slice, the worst first.

    `errors` [n] in 0..1. Score as in SliceLine: `(1 - SIZE) * (error / overall - 1) - SIZE * (n / support - 1)`, less `LENGTH`
    for each further condition. The p-value counts random exchanges of the errors in which any slice scores as high (max-T).
    """
    overall = float(errors.mean()) if len(errors) else 0.0
    found = patterns(rows, most=most, least=max(FEWEST, math.ceil(0.01 * len(rows)))) if overall > 0 else []
    if not found:
        return ()
    fits = np.stack([p.rows for p in found]).astype(np.float32)
    support = fits.sum(1)
    penalty = SIZE * (len(rows) / support - 1) + LENGTH * np.array([len(p.conditions) - 1 for p in found])

    def scores(drawn: Array) -> Array:
        result: Array = (1 - SIZE) * (fits @ drawn.astype(np.float32) / support / overall - 1) - penalty
        return result

    random = np.random.default_rng(SEED)
    seen = scores(errors)
    null = np.sort([scores(random.permutation(errors)).max() for _ in range(PERMUTATIONS)])
    chosen: list[Pattern] = []
    slices: list[Slice] = []
    for i in np.argsort(-seen, kind="stable"):
        p = (1 + len(null) - int(np.searchsorted(null, seen[i] - 1e-6))) / (1 + len(null))
        if p > ALPHA or len(slices) == top:
            break
        if any(_jaccard(found[i].rows, other.rows) > OVERLAP for other in chosen):
            continue
        chosen.append(found[i])
        slices.append(
            Slice(
                words=str(found[i]),
                support=int(support[i]),
                error=float(errors[found[i].rows].mean()),
                overall=overall,
                p_value=p,
            )
        )
    return tuple(slices)


def explanation_table(
    rows: Sequence[Attributes], affected: Array, *, most: int = 2, size: int = 6
) -> tuple[TableRow, ...]:
    """The patterns that together tell most of who is affected (bool [n]), the first being all rows.

    Each is the one whose true share is farthest, in bits over its rows, from what those above it lead to expect; the
    expectation is the distribution of maximum entropy that has their shares (El Gebaly et al. 2014). Ends when the next one
    would add less than it costs to name.
    """
    n = len(rows)
    if n == 0:
        return ()
    outcome = affected.astype(float)
    expected = np.full(n, outcome.mean())
    table = [TableRow(words="all", support=n, share=float(outcome.mean()), gain_bits=0.0)]
    found = patterns(rows, most=most, least=2)
    if not found or outcome.min() == outcome.max():
        return tuple(table)
    fits = np.stack([p.rows for p in found]).astype(float)
    support = fits.sum(1)
    share = fits @ outcome / support
    cost = np.array([len(p.conditions) for p in found]) * math.log2(1 + sum(len(p.conditions) == 1 for p in found))
    used: list[int] = []
    while len(table) < size:
        gain = support * _divergence(share, fits @ expected / support)
        gain[used] = 0.0
        best = int(np.argmax(gain - cost))
        if gain[best] <= cost[best]:
            break
        used.append(best)
        expected = _scaled(outcome, [np.ones(n, bool), *(found[i].rows for i in used)])
        table.append(
            TableRow(
                words=str(found[best]),
                support=int(support[best]),
                share=float(share[best]),
                gain_bits=float(gain[best]),
            )
        )
    return tuple(table)


def describe(rows: Sequence[Attributes], meant: Array, *, most: int = 3, least: int = 1) -> Description | None:
    """The shortest description of the rows `meant` (bool [n]) as patterns of which any fits; None when a list is shorter.

    Length in bits: each condition costs its choice among all, and the exceptions cost a list: log2 C(described, wrong) +
    log2 C(others, missed) (minimum description length, Rissanen 1978).
    """
    n, k = len(rows), int(meant.sum())
    found = patterns(rows, most=most, least=least)
    plain = _choose(n, k)
    if not found or k in (0, n):
        return None
    word = math.log2(1 + sum(len(p.conditions) == 1 for p in found))
    fits = np.stack([p.rows for p in found])
    length = np.array([len(p.conditions) for p in found]) * word
    described, used, bits, conditions = np.zeros(n, bool), [], plain, 0.0
    while True:
        union = fits | described
        right = (union & meant).sum(1)
        size = union.sum(1)
        total = conditions + length + np.array([
            _choose(int(s), int(s - r)) + _choose(n - int(s), k - int(r)) for s, r in zip(size, right, strict=True)
        ])  # fmt: skip
        total[2 * right <= size] = np.inf  # what fits the others alone is as short, and describes nothing
        best = int(np.argmin(total))
        if total[best] >= bits:
            break
        bits, conditions = float(total[best]), conditions + float(length[best])
        described = union[best]
        used.append(found[best])
    if not used:
        return None
    return Description(
        patterns=tuple(map(str, used)),
        described=int(described.sum()),
        right=int((described & meant).sum()),
        meant=k,
        bits=bits,
        plain_bits=plain,
    )


def _jaccard(a: Array, b: Array) -> float:
    return float((a & b).sum() / max(1, (a | b).sum()))


def _choose(n: int, k: int) -> float:
    """log2 of n over k, and of the choice of k."""
    return (math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)) / math.log(2) + math.log2(n + 1)


def _divergence(p: Array, q: Array) -> Array:
    """Bits a row by which a share p surprises who expects q."""
    q = np.clip(q, 1e-9, 1 - 1e-9)
    with np.errstate(divide="ignore", invalid="ignore"):
        first = np.where(p > 0, p * np.log2(p / q), 0.0)
        second = np.where(p < 1, (1 - p) * np.log2((1 - p) / (1 - q)), 0.0)
    result: Array = first + second
    return result


def _scaled(outcome: Array, chosen: list[Array]) -> Array:
    """The distribution of maximum entropy with the shares of the chosen patterns: iterative scaling of the log-odds."""
    odds = np.zeros(len(outcome))
    for _ in range(200):
        change = 0.0
        for rows in chosen:
            n = int(rows.sum())
            wanted = (outcome[rows].sum() + 1e-3) / (n + 2e-3)
            now = float((1 / (1 + np.exp(-odds[rows]))).mean())
            step = math.log(wanted / (1 - wanted)) - math.log(now / (1 - now))
            odds[rows] = np.clip(odds[rows] + step, -30, 30)
            change = max(change, abs(wanted - now))
        if change < 1e-4:
            break
    result: Array = 1 / (1 + np.exp(-odds))
    return result
