"""Numbers: R2, mean absolute error and residuals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np

from farm.compare.tasks.contract import FrameScores, Reading

if TYPE_CHECKING:
    from collections.abc import Sequence

    Array = np.ndarray[Any, Any]

QUANTILES = (5.0, 25.0, 50.0, 75.0, 95.0)


class Regression(Reading):
    """One or several numbers a frame."""

    task = "regression"
    metric = "R2"

    def __init__(self, said: Array, truth: Sequence[tuple[float, ...] | None]) -> None:
        """`said` is f64 [n, outputs]."""
        self.said = said
        self.n = len(said)
        self.labelled = bool(self.n) and all(values is not None for values in truth)
        self._given = tuple(truth)
        self.truth: Array = np.array(truth, np.float64) if self.labelled else np.zeros_like(said)

    def take(self, order: Array) -> Regression:
        """See `Reading`."""
        return Regression(self.said[order], [self._given[i] for i in order])

    def value(self, weights: Array | None = None) -> float:
        """See `Reading`: 1 - residual / total sum of squares, the mean over the outputs; NaN where the truth does not vary."""
        weights = np.ones(self.n) if weights is None else weights
        middle = np.average(self.truth, axis=0, weights=weights)
        total = weights @ (self.truth - middle) ** 2
        rest = weights @ self.residuals**2
        varies = total > 1e-12 * np.maximum(weights @ self.truth**2, np.finfo(np.float64).tiny)
        return float(np.mean(1 - rest[varies] / total[varies])) if varies.any() else float("nan")

    def scores(self) -> FrameScores:
        """1 - squared residual / variance of the truth, not below 0: their mean is R2, but for frames that are far off."""
        return FrameScores("R2", _near(self.said, self.truth))

    def agreement(self, other: Self) -> FrameScores:
        """As `scores`, with the other's numbers as the truth."""
        return FrameScores("agreement", _near(self.said, other.said))

    def others(self) -> dict[str, float]:
        """In the units of the values: errors, and the mean residual, whose sign is that of a bias."""
        gaps = self.residuals
        found = {
            "MAE": float(np.abs(gaps).mean()),
            "RMSE": float(np.sqrt((gaps**2).mean())),
            "bias": float(gaps.mean()),
        }
        quantiles = np.percentile(gaps, QUANTILES) if gaps.size else ()
        return found | {f"residual {q:g} %": float(v) for q, v in zip(QUANTILES, quantiles, strict=False)}

    @property
    def residuals(self) -> Array:
        """f64 [n, outputs]: said - true."""
        gaps: Array = self.said - self.truth
        return gaps


def _near(said: Array, true: Array) -> Array:
    """f64 [n]. Where all frames have one truth, the scale is its size instead of its spread."""
    spread = true.var(axis=0)
    scale = np.where(spread > 0, spread, np.where((true**2).mean(0) > 0, (true**2).mean(0), 1.0))
    gaps = ((said - true) ** 2 / scale).mean(axis=1)
    result: Array = np.clip(1 - np.where(np.isfinite(gaps), gaps, np.inf), 0.0, 1.0)
    return result
