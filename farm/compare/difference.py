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
BLOCK = 1 << 15
"""Values at a time: copies stay in the processor's cache."""
PIECE = 1 << 13
"""Values of one dot product: above it, BLAS starts threads."""
NARROW = frozenset({"float32", "float16", "int8", "uint8", "int16", "uint16"})
TINY = 1e-12
"""Squares of smaller values come near the least that float32 holds."""
LOST = 0.01
"""A difference of sums below this share of them has lost digits that matter."""


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
    mine, other = device, reference
    if quantized and len(tensor.scale) == 1:  # one scale for all is applied to the sums
        unit, zero = tensor.scale[0], float(tensor.zero_point[0])
    elif quantized:
        mine, other = real(device, tensor), real(reference, tensor)
    sums = _sums(mine.ravel(), other.ravel(), zero)
    if not sums.finite:
        sound = np.isfinite(mine) & np.isfinite(other)
        same = (mine == other) | (np.isnan(mine) & np.isnan(other))
        if not (sound | same).all():
            return _broken(quantized)
        mine, other = mine[sound].astype(np.float64), other[sound].astype(np.float64)
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
    """Over flat arrays less `zero` (0 unless they are integers), piece by piece.

    Narrow types are summed in float32 within a piece, which is four times as fast and right to six digits; where squares of
    small values would vanish in it, again in float64.
    """
    if other.dtype.name not in NARROW:
        return _summed(mine, other, zero, np.float64)
    sums = _summed(mine, other, zero, np.float32)
    peak = max(abs(sums.low), abs(sums.high))
    vanishing = 0 < peak < TINY or (sums.gap > 0 and sums.error < TINY * TINY)
    return _summed(mine, other, zero, np.float64) if vanishing else sums


def _summed(mine: Array, other: Array, zero: float, work: type[np.float32 | np.float64]) -> _Sums:
    signal = error = cross = gap = 0.0
    low, high = (float(other.min()), float(other.max())) if len(other) else (np.inf, -np.inf)
    scratch: Array = np.empty((2, min(BLOCK, len(other))), work)
    with np.errstate(invalid="ignore", over="ignore", under="ignore"):
        for start in range(0, len(other), BLOCK):
            x, y = (_as(work, a[start : start + BLOCK], s) for a, s in zip((mine, other), scratch, strict=True))
            d = np.subtract(x, y, out=scratch[0, : len(y)])
            y = _less(y, zero)
            signal += _dot(y, y)
            most = max(float(np.maximum.reduce(d)), -float(np.minimum.reduce(d)))
            if most != 0:  # NaN too
                gap, cross, error = max(gap, most), cross + _dot(d, y), error + _dot(d, d)
        own = signal + 2 * cross + error  # |x|^2 of x = y + d, without another pass
        if own < LOST * signal:
            own = 0.0
            for start in range(0, len(mine), BLOCK):
                x = _less(_as(work, mine[start : start + BLOCK], scratch[0]), zero)
                own += _dot(x, x)
    return _Sums(len(other), signal, error, own, signal + cross, low - zero, high - zero, gap)


def _as(work: type[np.float32 | np.float64], values: Array, scratch: Array) -> Array:
    """In type `work`; a copy, in `scratch`, only where it must be."""
    if values.dtype == work:
        return values
    copy: Array = scratch[: len(values)]
    np.copyto(copy, values)
    return copy


def _less(values: Array, zero: float) -> Array:
    """In place; values that are not ours to change have no zero point."""
    if zero:
        values -= zero
    return values


def _dot(a: Array, b: Array) -> float:
    """In pieces for which BLAS starts no threads; they add up in float64."""
    whole = len(a) - len(a) % PIECE
    total = float(np.dot(a[whole:], b[whole:]))
    if whole:
        total += float(np.vecdot(a[:whole].reshape(-1, PIECE), b[:whole].reshape(-1, PIECE)).sum(dtype=np.float64))
    return total


def real(values: Array, tensor: Tensor) -> Array:
    """As float64 real numbers: (q - zero_point) * scale, per tensor or along the tensor's axis."""
    wide = values.astype(np.float64)
    if not tensor.scale or not np.issubdtype(values.dtype, np.integer):
        return wide
    along = [1] * values.ndim
    if len(tensor.scale) > 1:
        if not 0 <= tensor.axis < values.ndim or values.shape[tensor.axis] != len(tensor.scale):
            return wide  # scales that fit no axis say nothing
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
