"""How far one array is from another: the figures, and nothing about graphs or recordings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from farm.model.graph import Tensor

    Array = np.ndarray[Any, Any]

BROKEN = 1e9
"""Stands for an error that no number measures: NaN or infinity on one side only, or other values altogether."""
PIECE = 1 << 13
"""Values at a time: float64 copies stay in the processor's cache, and BLAS, above it, starts threads for a dot product."""


@dataclass(frozen=True)
class Difference:
    """Of one tensor in one frame."""

    nrmse: float
    """RMSE / (max - min of the reference); for a constant reference RMSE / |its value| (or its scale, or 1, for 0)."""
    cosine: float
    signal: float
    """Sum of squares of the reference."""
    error: float
    """Sum of squares of the difference."""
    max_abs: float
    lsb: float | None
    """Largest difference of the stored integers; None when the tensor is not quantized."""


def difference(device: Array, reference: Array, tensor: Tensor) -> Difference:
    """Compare two values of `tensor`, as logged (not dequantized), in any shape of equal size."""
    quantized = bool(tensor.scale) and np.issubdtype(reference.dtype, np.integer)
    if device.size != reference.size or device.dtype != reference.dtype:
        return _broken(quantized)
    device, unit, zero = device.reshape(reference.shape), 1.0, 0.0
    if quantized and len(tensor.scale) == 1:  # one scale for all is applied to the sums
        mine, other, unit, zero = device, reference, tensor.scale[0], float(tensor.zero_point[0])
    else:
        mine, other = real(device, tensor), real(reference, tensor)
    sums = _sums(mine.ravel(), other.ravel(), zero)
    if not sums.finite:
        sound = np.isfinite(mine) & np.isfinite(other)
        same = (mine == other) | (np.isnan(mine) & np.isnan(other))
        if not (sound | same).all():
            return _broken(quantized)
        mine, other = mine[sound], other[sound]
        # Squares of the largest doubles overflow; one common factor leaves every ratio as it is.
        unit = max(float(np.abs(np.concatenate([mine, other])).max(initial=0.0)), 1.0)
        sums = _sums(mine / unit, other / unit, 0.0)
    if sums.n == 0:
        return Difference(0.0, 1.0, 0.0, 0.0, 0.0, 0.0 if quantized else None)
    span = (sums.high - sums.low) * unit or max(abs(sums.low), abs(sums.high)) * unit
    span = span or (tensor.scale[0] if quantized else 1.0)
    lsb = None
    if quantized:
        lsb = sums.gap if len(tensor.scale) == 1 else float(np.abs(device.astype(np.int64) - reference).max())
    return Difference(
        nrmse=min(BROKEN, (sums.error / sums.n) ** 0.5 * unit / span),
        cosine=_cosine(sums.dot, sums.own, sums.signal),
        signal=sums.signal * unit * unit if unit < 1e100 else sums.signal,
        error=sums.error * unit * unit if unit < 1e100 else sums.error,
        max_abs=sums.gap * unit,
        lsb=lsb,
    )


@dataclass(frozen=True)
class _Sums:
    n: int
    signal: float
    error: float
    own: float
    dot: float
    low: float
    high: float
    gap: float
    """Largest absolute difference."""

    @property
    def finite(self) -> bool:
        return bool(np.isfinite([self.signal, self.error, self.own, self.dot]).all())


def _sums(mine: Array, other: Array, zero: float) -> _Sums:
    """Over flat arrays less `zero`, piece by piece."""
    signal = error = own = dot = gap = 0.0
    low, high = np.inf, -np.inf
    with np.errstate(invalid="ignore", over="ignore"):
        for start in range(0, len(other), PIECE):
            x = mine[start : start + PIECE].astype(np.float64)
            y = other[start : start + PIECE].astype(np.float64)
            if zero:
                x -= zero
                y -= zero
            signal, own, dot = signal + float(y @ y), own + float(x @ x), dot + float(x @ y)
            low, high = min(low, float(y.min())), max(high, float(y.max()))
            x -= y
            error, gap = error + float(x @ x), max(gap, float(x.max()), -float(x.min()))
    return _Sums(len(other), signal, error, own, dot, low, high, gap)


def real(values: Array, tensor: Tensor) -> Array:
    """As float64 real numbers: (q - zero_point) * scale, per tensor or along the tensor's axis."""
    wide = values.astype(np.float64)
    if not tensor.scale or not np.issubdtype(values.dtype, np.integer):
        return wide
    along = [1] * values.ndim
    if len(tensor.scale) > 1:
        along[tensor.axis] = len(tensor.scale)
    elif values.ndim == 0:
        along = []
    result: Array = (wide - np.reshape(tensor.zero_point, along)) * np.reshape(tensor.scale, along)
    return result


def _broken(quantized: bool) -> Difference:
    return Difference(BROKEN, 0.0, 0.0, BROKEN, BROKEN, BROKEN if quantized else None)


def _cosine(dot: float, a: float, b: float) -> float:
    if a == 0 or b == 0:
        return 1.0 if a == b else 0.0
    return float(np.clip(dot / (a**0.5 * b**0.5), -1.0, 1.0))
