"""Accuracy of a classifier, with intervals, and paired tests between two of them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from farm.report.document import Accuracy

if TYPE_CHECKING:
    import numpy as np

    from farm.compare.answers import Answers

    Array = np.ndarray[Any, Any]

Z95 = 1.959963984540054
Z80 = 0.8416212335729143


def wilson(hits: float, n: int) -> tuple[float, float]:
    """95 % Wilson score interval of a share (Wilson 1927); (0, 1) for n = 0."""
    if n == 0:
        return 0.0, 1.0
    p, z2 = hits / n, Z95 * Z95
    middle = (p + z2 / (2 * n)) / (1 + z2 / n)
    half = Z95 / (1 + z2 / n) * math.sqrt(p * (1 - p) / n + z2 / (4 * n * n))
    # At the ends the bound is the end itself, which the sums miss by a rounding.
    return 0.0 if hits == 0 else middle - half, 1.0 if hits == n else middle + half


def mcnemar(only_a: int, only_b: int) -> float:
    """Exact two-sided McNemar test: `only_a` frames that a alone got right, `only_b` that b alone did."""
    n, k = only_a + only_b, min(only_a, only_b)
    if n == 0 or 2 * k == n:
        return 1.0
    logs = [math.lgamma(n + 1) - math.lgamma(i + 1) - math.lgamma(n - i + 1) - n * math.log(2) for i in range(k + 1)]
    return min(1.0, 2 * math.fsum(map(math.exp, logs)))


def paired(a: Array, b: Array) -> float:
    """`mcnemar` of two boolean arrays over the same frames."""
    return mcnemar(int((a & ~b).sum()), int((b & ~a).sum()))


def holm(p_values: list[float]) -> list[float]:
    """p-values corrected for having looked at all of them (Holm 1979), in the order given."""
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    corrected, running = [1.0] * len(p_values), 0.0
    for position, i in enumerate(order):
        running = max(running, min(1.0, p_values[i] * (len(p_values) - position)))
        corrected[i] = running
    return corrected


def frames_needed(better: Array, worse: Array) -> int | None:
    """Frames for 80 % power at 5 % to show the difference seen between two paired boolean arrays (Connor 1987).

    None when no drop is seen, or so small a one that more than a million frames would be needed.
    """
    n = len(better)
    up, down = int((better & ~worse).sum()), int((worse & ~better).sum())
    if n == 0 or up <= down:
        return None
    share, gap = (up + down) / n, (up - down) / n
    needed = (Z95 * math.sqrt(share) + Z80 * math.sqrt(max(0.0, share - gap * gap))) ** 2 / (gap * gap)
    return math.ceil(needed) if needed <= 1e6 else None


def accuracy(device: Answers, reference: Answers | None = None, *, name: str = "") -> Accuracy:
    """Top-1 and top-5 of a device's answers to labelled frames, n >= 1, and against a reference's to the same frames."""
    n, right = len(device.rank), device.right
    hits = int(right.sum())
    return Accuracy(
        n=n,
        top1=hits / n,
        top5=float((device.rank < 5).mean()) if device.classes > 5 else None,
        top1_interval=wilson(hits, n),
        reference_top1=None if reference is None else float(reference.right.mean()),
        reference=name,
        p_value=None if reference is None else paired(right, reference.right),
        agreement=None if reference is None else float((device.top1 == reference.top1).mean()),
    )
