"""How many frames or runs a condition needs: exactly, and by the bounds of ease.ml/ci (Renggli et al., MLSys 2019)."""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING

from farm.gate import limits
from farm.gate.metric import METRICS
from farm.report.base import Part

if TYPE_CHECKING:
    from collections.abc import Callable

    from farm.gate.condition import Condition

MOST = 1 << 24
"""Nobody labels more frames."""
EXACT = 1 << 20
"""Beyond so many frames the bounds have to do."""
AHEAD = 32
"""So many sizes above the one found hold too: one that holds by luck of rounding does not count."""


class Need(Part):
    """Of one condition, on one device."""

    condition: str
    counted: str
    """frames, invocations, runs."""
    alpha: float
    """Of each limit: what is left of the promise for this one."""
    least: int | None = None
    """Below which it cannot pass, whatever is measured; None: there is no such number."""
    exact: int | None = None
    """For the tolerance; None: none was said, it cannot be said beforehand, or it is beyond EXACT."""
    hoeffding: int | None = None
    """By the paper's bound, without looking at how often answers differ."""
    bennett: int | None = None
    """The paper's optimization for answers that differ on a share `differ` of the frames."""
    differ: float | None = None


def need(condition: Condition, alpha: float, differ: float, *, over_runs: bool = False) -> Need:
    """What one condition needs when its limits have `alpha` each, and old and new differ on a share `differ` of the frames.

    For frames without a pair, the tolerance is shared by the terms, and alpha too (the paper's estimate). `over_runs`:
    latency is counted in runs, each by its own figure.
    """
    counted = condition.counted[0]
    told = ("runs",) if over_runs and counted == "invocations" else condition.counted
    shown = Need(condition=condition.text or str(condition), counted=" and ".join(told), alpha=alpha)
    each = alpha / len(condition.terms)
    if condition.confidence == 0:
        return shown.model_copy(update={"alpha": 1.0, "least": 1})
    if counted != "frames":
        most = max(
            least_for_quantile(
                0.5 if over_runs else METRICS[t.quantity.metric].quantile, each, above=_upper(condition, t.factor)
            )
            for t in condition.terms
        )
        return shown.model_copy(update={"least": most})
    tolerance = condition.tolerance
    found: dict[str, object] = {"least": least_to_pass(condition, alpha)}
    factor = condition.paired
    if tolerance is not None and factor is not None:
        precise = tolerance / abs(factor)
        found |= {
            "exact": paired(differ, precise, alpha) if bennett(differ, precise, alpha) <= EXACT else None,
            "hoeffding": hoeffding(precise / 2, alpha / 2),
            "bennett": bennett(differ, precise, alpha),
            "differ": differ,
        }
    elif tolerance is not None:
        precise = tolerance / sum(abs(term.factor) for term in condition.terms)
        most = hoeffding(precise, each)
        found |= {"exact": share(precise, each) if most <= EXACT else None, "hoeffding": most}
    return shown.model_copy(update=found)


def hoeffding(tolerance: float, alpha: float) -> int:
    """Frames for a share to be known to `tolerance` on one side: ln(1/alpha) / (2 tolerance^2)."""
    return math.ceil(-math.log(alpha) / (2 * tolerance * tolerance))


def bennett(differ: float, tolerance: float, alpha: float) -> int:
    """Frames for new - old to be known to `tolerance` on one side where answers differ on a share `differ` of them.

    ln(1/alpha) / (differ h(tolerance / differ)) with h(u) = (1 + u) ln(1 + u) - u: the paper's optimization.
    """
    u = tolerance / differ
    return math.ceil(-math.log(alpha) / (differ * ((1 + u) * math.log1p(u) - u)))


@functools.lru_cache(maxsize=1024)
def share(tolerance: float, alpha: float) -> int:
    """The frames from which on a share's limit is within `tolerance` of what is measured, whatever that is; exact binomial."""
    if tolerance >= 1:
        return 1
    return _from_which_on(lambda n: _precise(n, tolerance, alpha), hoeffding(tolerance, alpha))


def _precise(n: int, tolerance: float, alpha: float) -> bool:
    """Whether P(Bin(n, k/n - tolerance) >= k) <= alpha for every k: then every lower limit is near enough, every upper too."""
    import numpy as np
    from scipy.special import betainc

    k = np.arange(1, n + 1, dtype=np.float64)
    p = k / n - tolerance
    k, p = k[p > 0], p[p > 0]
    with np.errstate(divide="ignore", invalid="ignore"):  # k = n has no part that is wrong
        wrong = np.where(k < n, (1 - k / n) * np.log((1 - k / n) / (1 - p)), 0.0)
    close = n * (k / n * np.log(k / n / p) + wrong) < -math.log(alpha)  # Chernoff proves the others
    k, p = k[close], p[close]
    return bool((betainc(k, n - k + 1, p) <= alpha).all())


@functools.lru_cache(maxsize=1024)
def paired(differ: float, tolerance: float, alpha: float) -> int:
    """The frames from which on new - old is known to `tolerance`, if both are wrong alone on differ / 2 of the frames."""
    if tolerance >= 1:
        return 1

    def precise(n: int) -> bool:
        each = math.ceil(n * differ / 2)
        return 2 * each <= n and limits.certain(each, each, n, alpha, -tolerance)

    return _from_which_on(precise, 2 * bennett(differ, tolerance, alpha) + 64)


def least_to_pass(condition: Condition, alpha: float) -> int | None:
    """The fewest frames on which the best that can be measured passes; None where nothing can."""
    factor = condition.paired
    each = alpha / (1 if factor is not None else len(condition.terms))

    def passes(n: int) -> bool:
        if factor is not None:
            better = (factor > 0) == condition.rising
            low, high = limits.paired(n if better else 0, 0 if better else n, n, alpha)
            ends = sorted((factor * low, factor * high))
        else:
            best = [
                (t.factor, limits.share(n if (t.factor > 0) == condition.rising else 0, n, each))
                for t in condition.terms
            ]
            ends = [sum(f * i[(f < 0) ^ side] for f, i in best) for side in (False, True)]
        return condition.holds(ends[0]) and condition.holds(ends[1])

    return first(passes)


def least_for_quantile(quantile: float, alpha: float, *, above: bool) -> int:
    """Observations without which a quantile has no limit above (or below): quantile^n <= alpha."""
    return math.ceil(math.log(alpha) / math.log(quantile if above else 1 - quantile))


def _upper(condition: Condition, factor: float) -> bool:
    """Whether it is a term's upper limit that a pass hangs on."""
    return (factor > 0) != condition.rising


def _from_which_on(holds: Callable[[int], bool], guess: int) -> int:
    """The least n that holds and is followed by AHEAD more that do, near the crossing that bisection finds."""
    high = guess
    while not holds(high):
        high *= 2
    low = 0
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    while failing := next((n for n in range(high + AHEAD, high, -1) if not holds(n)), 0):
        high = failing + 1
    return high


def first(holds: Callable[[int], bool], most: int = MOST) -> int | None:
    """The least n that holds, of something that goes on holding; None beyond `most`."""
    high = 1
    while not holds(high):
        high *= 2
        if high > most:
            return None
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high
