"""From candidates to one explanation: the fewest changes that leave no more than rounding does.

A kind of input makes its `Candidate`s once, each with its squared error per frame. Choosing among them again for resampled
frames costs next to nothing.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from farm.report.explanation import Change, Explanation

if TYPE_CHECKING:
    from collections.abc import Sequence

    Array = np.ndarray[Any, Any]

AS_GOOD = 1.5
"""Of two explanations with as many changes, one is as good when its residual is at most this many times the other's."""
CLEAR = 0.3
"""An explanation that is refused is worth telling when it leaves less than this share of what there was to explain."""


@dataclass(frozen=True)
class Candidate:
    """One way in which the device's input may have come about."""

    changes: tuple[Change, ...]
    """Against what was expected, in the order they happen; empty: as expected."""
    sse: Array
    """float [f]: squared error left in each frame."""
    n: Array
    """float [f]: values that were compared."""
    floor: float
    """RMSE that the right explanation leaves: rounding and quantization."""
    sound: bool = True
    """False: what it leaves has structure (a curve, another step for each frame), so it is not the right one."""
    freedom: int = 0
    """How many numbers were fitted; what needs none and is as good is no coincidence."""
    diff: tuple[str, ...] = ()
    """As in `Explanation.diff`."""
    harmless: bool = False
    """As in `Explanation.harmless`."""

    @property
    def names(self) -> tuple[str, ...]:
        """Of its changes."""
        return tuple(c.name for c in self.changes)

    @property
    def parts(self) -> frozenset[str]:
        """Of its changes."""
        return frozenset(c.part for c in self.changes)

    def rmse(self, weights: Array) -> float:
        """Over frames, frame i counted `weights[i]` times."""
        return float((weights @ self.sse / max(weights @ self.n, 1e-300)) ** 0.5)


@dataclass(frozen=True)
class InputEvidence:
    """The inputs of the frames that both sides logged, as sums: small, and cheap to resample."""

    agrees: Array
    """bool [f]: every value of the frame is within one unit of the expected one."""
    candidates: tuple[Candidate, ...]
    """The first one is without changes."""
    span: float = 1.0
    """Range of the device's input; residuals are told in it."""
    hidden: tuple[str, ...] = ()
    """What these frames cannot show, each with its reason: `the order of the channels: the pictures are gray`."""
    reason: str = ""
    """Why nothing can be told, or what nothing explains; empty where the candidates say it."""
    as_good: float = AS_GOOD
    """As `AS_GOOD`, of evidence whose arithmetic is known better or worse."""
    identifiable: bool = True
    """False: whatever the candidates say, the frames cannot tell (`reason` says why)."""

    def infer(self, weights: Array | None = None) -> Explanation:
        """The explanation, with frame i counted `weights[i]` times."""
        weights = np.ones(len(self.agrees)) if weights is None else np.asarray(weights, np.float64)
        frames = int((weights > 0).sum())
        hidden = "; ".join(f"these frames cannot show {what}" for what in self.hidden)
        if self.agrees[weights > 0].all():
            return Explanation(kind="agrees", reason=hidden, frames=frames)
        plain = self.candidates[0].rmse(weights) / self.span
        if not self.identifiable:
            return Explanation(kind="not identifiable", reason=self.reason, frames=frames)
        left = [(c, c.rmse(weights)) for c in self.candidates]
        right = [(c, r) for c, r in left if c.sound and r <= c.floor]
        if not right:
            return self._unexplained(left, plain, frames)
        least = min(len(c.changes) for c, _ in right)
        fewest = [(c, r) for c, r in right if len(c.changes) == least]
        limit = self.as_good * min(r for _, r in fewest)
        # What needs no fitted number and is as good is no coincidence; of the rest, frames cannot tell what leaves as little.
        near = [(c, r) for c, r in fewest if r <= max(limit, 0.5 * c.floor)]
        free = min(c.freedom for c, _ in near)
        chosen, residual = min(((c, r) for c, r in near if c.freedom == free), key=lambda found: found[1])
        alike = [c for c, _ in near if c.freedom == free and c.names != chosen.names]
        second, rest = _second(left, (chosen, *alike))
        split = any(c.parts != chosen.parts for c in alike)
        return Explanation(
            kind=("not identifiable" if split else "named") if chosen.changes else "agrees",
            changes=chosen.changes,
            residual=residual / self.span,
            unexplained=plain,
            second=second.changes if second is not None else (),
            second_residual=rest / self.span if second is not None else None,
            equivalent=tuple(dict.fromkeys(c.names for c in alike)),
            reason=f"these frames cannot tell {_either((chosen, *alike))} apart" if split else hidden,
            harmless=chosen.harmless,
            diff=chosen.diff,
            frames=frames,
        )

    def _unexplained(self, left: Sequence[tuple[Candidate, float]], plain: float, frames: int) -> Explanation:
        best, residual = min(left, key=lambda found: found[1])
        residual /= self.span
        reason = self.reason or "nothing tried explains it"
        if not self.reason and best.changes and residual < CLEAR * plain:
            words = " and ".join(c.words for c in best.changes)
            reason = f"the nearest, that the device {words}, leaves {residual / plain:.0%} of the difference"
        return Explanation(
            kind="unexplained",
            residual=residual,
            unexplained=plain,
            second=best.changes,
            second_residual=residual if best.changes else None,
            reason=reason,
            frames=frames,
        )


def _second(left: Sequence[tuple[Candidate, float]], taken: Sequence[Candidate]) -> tuple[Candidate | None, float]:
    """The best of the others that does not merely add to what was chosen."""
    names = [set(c.names) for c in taken]
    others = [(c, r) for c, r in left if not any(n <= set(c.names) for n in names)]
    return min(others, key=lambda found: found[1], default=(None, 0.0))


def _either(candidates: Sequence[Candidate]) -> str:
    spelled = dict.fromkeys(" + ".join(c.names) for c in candidates)
    return " and ".join(itertools.islice(spelled, 4))
