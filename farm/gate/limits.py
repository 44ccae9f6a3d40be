"""One-sided confidence limits, exact: each is wrong with probability `alpha` at most, whatever the truth is.

No normal approximation anywhere, so that `alpha` may be as small as a promise over many uses of a test set makes it.
"""

from __future__ import annotations

import bisect
import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

STEPS = 50
"""Of a bisection: the limit is as fine as 2 / 2**50."""
NUISANCE = 0.05
"""Share of alpha that the paired limit spends on how many frames differ at all."""
LOST = 1e-4
"""Share of alpha that may be left out of a sum; it is added to the answer."""

Interval = tuple[float, float]


def share(hits: int, n: int, alpha: float) -> Interval:
    """Of a probability that gave `hits` in `n`: Clopper and Pearson (1934)."""
    return _share_low(hits, n, alpha), 1.0 - _share_low(n - hits, n, alpha)


def _share_low(hits: int, n: int, alpha: float) -> float:
    from scipy.special import betaincinv

    return float(betaincinv(hits, n - hits + 1, alpha)) if hits else 0.0


def mean(value: float, n: int, alpha: float) -> Interval:
    """Of the mean of figures between 0 and 1 whose average over `n` is `value`: Hoeffding (1963), theorem 1.

    P(average >= m + t) <= exp(-n KL(m + t, m)) for every distribution between 0 and 1.
    """
    return _mean_low(value, n, alpha), 1.0 - _mean_low(1.0 - value, n, alpha)


def _mean_low(value: float, n: int, alpha: float) -> float:
    if value <= 0 or not n:
        return 0.0
    enough = -math.log(alpha) / n
    return _last(lambda m: kullback_leibler(value, m) >= enough, 0.0, value)


def kullback_leibler(p: float, q: float) -> float:
    """Divergence of two coins, in nats."""

    def part(a: float, b: float) -> float:
        return 0.0 if a <= 0 else math.inf if b <= 0 else a * math.log(a / b)

    return part(p, q) + part(1 - p, 1 - q)


def paired(gained: int, lost: int, n: int, alpha: float) -> Interval:
    """Of P(gained) - P(lost), where of n frames the new alone got `gained` right, and the old alone `lost`.

    Exact over both unknowns: the probability d that a frame is either has a limit of its own, which takes `NUISANCE` of
    alpha; under it, P(gained - lost >= seen) is greatest (Berger and Boos 1994). For d <= 1/2 a frame's -1, 0, 1 is the sum
    of two independent coins (its generating function has real roots), so that the sum over n - 1 frames has its mode within
    1 of its mean (Darroch 1964) and falls beyond; d P / dd = n/2 (P(sum of n - 1 = t - 1) - P(sum of n - 1 = t)) is then
    not negative. Above 1/2 Chernoff's bound, which grows with d too, stands for the probability.
    """
    return _paired_low(gained, lost, n, alpha), -_paired_low(lost, gained, n, alpha)


def certain(gained: int, lost: int, n: int, alpha: float, difference: float) -> bool:
    """Whether the lower limit of `paired` is at least `difference`; quicker than the limit itself."""
    refuted, differ = _refuter(gained, lost, n, alpha)
    return difference <= -differ or (difference < differ and refuted(difference))


def _paired_low(gained: int, lost: int, n: int, alpha: float) -> float:
    if not n:
        return -1.0
    refuted, differ = _refuter(gained, lost, n, alpha)
    return _last(refuted, -differ, min(differ, (gained - lost) / n))


def _refuter(gained: int, lost: int, n: int, alpha: float) -> tuple[Callable[[float], bool], float]:
    """Whether a difference, and every smaller one, is refuted; and the limit of how many frames differ. n is above 0."""
    differ, seen = share(gained + lost, n, NUISANCE * alpha)[1], gained - lost
    left = (1 - NUISANCE) * alpha
    tail = _differences(n, differ, seen, left) if differ <= 0.5 else None

    def refuted(difference: float) -> bool:
        up, down = (differ + difference) / 2, (differ - difference) / 2
        if tail is None:
            return seen > n * difference and _chernoff(n, up, down, seen) <= left
        return seen >= (n - 1) * difference + 2 and tail(up / differ) <= left

    return refuted, differ


def _differences(n: int, differ: float, seen: int, alpha: float) -> Callable[[float], float]:
    """P(up - down >= seen) of n frames, each of which is up or down with probability `differ`, as a function of up's share.

    The number m of those that are is binomial, and the ups among them too. Sums run over the m that matter.
    """
    import numpy as np
    from scipy.special import bdtr, bdtrc, betainc, gammaln, xlogy

    far = -math.log(LOST * alpha / 2)  # Bernstein: beyond it less than LOST * alpha
    half = math.sqrt(2 * far * n * differ * (1 - differ)) + 2 * far / 3 + 1
    first, last = max(0, math.floor(n * differ - half)), min(n, math.ceil(n * differ + half))
    m = np.arange(first, last + 1, dtype=np.float64)
    logs = gammaln(n + 1) - gammaln(m + 1) - gammaln(n - m + 1) + xlogy(m, differ) + xlogy(n - m, 1 - differ)
    weights = np.exp(logs)
    below = float(bdtr(first - 1, n, differ)) if first else 0.0
    missing = below + (float(bdtrc(last, n, differ)) if last < n else 0.0)
    needed = np.ceil((seen + m) / 2)
    some = (needed > 0) & (needed <= m)
    sure = float(weights[needed <= 0].sum()) + missing
    weights, needed, rest = weights[some], needed[some], m[some] - needed[some] + 1

    def tail(up: float) -> float:
        return sure + float(weights @ betainc(needed, rest, min(1.0, max(0.0, up))))

    return tail


def _chernoff(n: int, up: float, down: float, seen: int) -> float:
    """P(up - down >= seen) <= min over z > 1 of z**-seen (1 - up - down + up z + down / z)**n, for seen above its mean."""
    still = max(0.0, 1 - up - down)
    if seen == n or up <= 0:
        return float(up**n)
    root = math.sqrt((seen * still) ** 2 + 4 * up * down * (n * n - seen * seen))
    z = (seen * still + root) / (2 * up * (n - seen))
    return math.exp(min(0.0, n * math.log(still + up * z + down / z) - seen * math.log(z))) if z > 1 else 1.0


def ranks(n: int, quantile: float, alpha: float) -> tuple[int | None, int | None]:
    """Which of n sorted observations (from 0) are limits of a quantile of their distribution; None: n is too small for one.

    Whatever the distribution: the number below the quantile is binomial.
    """
    from scipy.special import bdtr, bdtrc

    low = bisect.bisect_right(range(n), alpha, key=lambda k: float(bdtr(k, n, quantile)))
    high = bisect.bisect_left(range(n), True, key=lambda k: bool(bdtrc(k, n, quantile) <= alpha))
    return low - 1 if low else None, high if high < n else None


def quantile(values: Sequence[float], of: float, alpha: float, n: int | None = None) -> Interval:
    """Of a quantile, from sorted observations, at least one; `n`: as if so many had given the same distribution."""
    count = n or len(values)
    low, high = ranks(count, of, alpha)

    def at(rank: int) -> float:
        return float(values[min(len(values) - 1, math.ceil((rank + 1) * len(values) / count) - 1)])

    return -math.inf if low is None else at(low), math.inf if high is None else at(high)


def _last(holds: Callable[[float], bool], low: float, high: float) -> float:
    """The greatest number found from `low` to `high` of which, and below which, it holds; `low` if it never does."""
    for _ in range(STEPS):
        middle = (low + high) / 2
        if holds(middle):
            low = middle
        else:
            high = middle
    return low
