"""What a difference does to the model's answers: two targets' scores of the same frames, paired."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from farm.compare.accuracy import Z80, Z95, frames_needed, wilson
from farm.compare.resample import paired_scores

if TYPE_CHECKING:
    Array = np.ndarray[Any, Any]

ALPHA = 0.05
SMALLEST_EFFECT = 0.02
"""A loss of fewer answers than this share matters to nobody: without labels it is no effect, and what can be shown to cost
less is harmless."""
SMALLEST_SCORE = 0.002
"""Of scores that are no counts: the rounding of two right runtimes moves every frame's, and always to one side."""
LIMIT_FRAMES = 1_000_000


@dataclass(frozen=True)
class Effect:
    """Device against reference, over n frames."""

    measure: str
    """The task's metric (`top-1`, `mean IoU`, ...), or `agreement` with the reference."""
    device: float
    """Sum of the frames' scores: frames right, or in agreement, where a frame is one or the other."""
    reference: float
    """The same of the reference; for agreement, of what is healthy."""
    n: int
    p_value: float
    most: float
    """Upper end of the 95 % interval of the loss, as a share of the frames."""
    needed: int | None
    """Frames that would settle it: show a drop of the size seen, or exclude one of `SMALLEST_EFFECT`. None when none would."""
    counted: bool = True
    """A frame's score is 0 or 1."""
    against: str = ""
    """Whose scores the reference's are."""

    @property
    def shown(self) -> bool:
        """The device is worse, and it is no chance."""
        gap = self.reference - self.device
        smallest = SMALLEST_EFFECT if self.measure == "agreement" else 0.0 if self.counted else SMALLEST_SCORE
        least = smallest * self.n
        return gap > 0 and gap >= least and self.p_value < ALPHA

    @property
    def large(self) -> bool:
        """Worse by `SMALLEST_EFFECT` of the answers at least."""
        return self.reference - self.device >= SMALLEST_EFFECT * self.n

    @property
    def harmless(self) -> bool:
        """A loss of `SMALLEST_EFFECT` of the answers can be excluded."""
        return not self.shown and self.most < SMALLEST_EFFECT

    def figures(self) -> str:
        """`top-1 23 of 120 instead of 112`."""
        if self.counted:
            return f"{self.measure} {self.device:.0f} of {self.n} instead of {self.reference:.0f}"
        return f"{self.measure} {self.device / self.n:.3f} instead of {self.reference / self.n:.3f} on {self.n} frames"

    def against_words(self) -> str:
        """`top-1 111 against 112 of 120, p = 1`."""
        if self.counted:
            values = f"{self.device:.0f} against {self.reference:.0f} of {self.n}"
        else:
            values = f"{self.device / self.n:.3f} against {self.reference / self.n:.3f} on {self.n} frames"
        return f"{self.measure} {values}, p = {self.p_value:.2g}"


def effect(measure: str, device: Array, reference: Array, against: str = "") -> Effect:
    """Of scores in [0, 1], float or bool [n]. Exact McNemar where each is 0 or 1, else a permutation test."""
    mine, other = np.asarray(device, np.float64), np.asarray(reference, np.float64)
    counted = bool((np.isin(mine, (0.0, 1.0)) & np.isin(other, (0.0, 1.0))).all())
    loss = other - mine
    n, worse, better = len(loss), float(loss.clip(0).sum()), float((-loss).clip(0).sum())
    p_value = paired_scores(mine, other)
    to_show = frames_needed(other > 0, mine > 0) if counted else _to_show(loss)
    most = _most(worse, better, n)
    shown = p_value < ALPHA and worse - better > (0.0 if counted else SMALLEST_SCORE * n)
    settled = most < SMALLEST_EFFECT or shown
    needed = to_show if (worse - better) / max(1, n) >= SMALLEST_EFFECT else _to_exclude(worse, better, n)
    return Effect(
        measure=measure,
        device=float(mine.sum()),
        reference=float(other.sum()),
        n=n,
        p_value=p_value,
        most=most,
        needed=None if settled else needed,
        counted=counted,
        against=against,
    )


def _most(worse: float, better: float, n: int) -> float:
    """A score in [0, 1] varies at most as much as a share of the same mean: Wilson's bounds hold for both."""
    return wilson(worse, n)[1] - wilson(better, n)[0]


def _to_exclude(worse: float, better: float, n: int) -> int | None:
    """Frames at which these shares would exclude `SMALLEST_EFFECT`."""
    if n == 0:
        return None
    factor = 1.0
    while factor * n <= LIMIT_FRAMES:
        if _most(worse * factor, better * factor, round(n * factor)) < SMALLEST_EFFECT:
            return math.ceil(n * factor)
        factor *= 1.05
    return None


def _to_show(loss: Array) -> int | None:
    """Frames that would show a mean loss of this size and spread: 80 % power at 5 %."""
    if len(loss) < 2 or loss.mean() <= 0:
        return None
    needed = ((Z95 + Z80) * float(loss.std(ddof=1)) / float(loss.mean())) ** 2
    return math.ceil(needed) if needed <= LIMIT_FRAMES else None
