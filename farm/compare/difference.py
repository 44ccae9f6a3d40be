"""How far one array is from another: the figures, and nothing about graphs or recordings."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from farm.model.graph import Tensor

    Array = np.ndarray[Any, Any]

BROKEN = 1e9
"""Stands for an error that no number measures: NaN or infinity on one side only, or other values altogether."""
BLOCK = 1 << 16
"""Values at a time: copies stay in the processor's cache."""
PIECE = 1 << 13
"""Values of one dot product: above it, BLAS starts threads."""
TRIES = 16
PROBE = 64
"""Values that tell most pairs of blocks apart."""
NARROW = frozenset(map(np.dtype, ("float32", "float16", "int8", "uint8", "int16", "uint16")))
TINY = 1e-12
"""Squares of smaller values come near the least that float32 holds."""
LOST = 0.01
"""A difference of sums below this share of them has lost digits that matter."""
_least, _most = np.minimum.reduce, np.maximum.reduce


@dataclass(frozen=True, slots=True)
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
    """Compare two values of `tensor`, as logged (not dequantized), in any shape of equal size.

    Where one of them is in real numbers (a reference's, whose own model is not quantized), the other is dequantized. Then what
    is beyond the range of the integers counts as error, as it is one, and `lsb` is the largest difference in steps.
    """
    kinds = {device.dtype.kind, reference.dtype.kind}
    if tensor.scale and device.size == reference.size and "f" in kinds and kinds & {"i", "u"}:
        return _mixed(device, reference, tensor)
    quantized = bool(tensor.scale) and reference.dtype.kind in "iu"
    if device.size != reference.size or device.dtype != reference.dtype:
        return _broken(quantized)
    device, unit, zero, steps = device.reshape(reference.shape), 1.0, 0.0, None
    mine, other = device, reference
    if quantized and len(tensor.scale) == 1:  # one scale for all is applied to the sums
        unit, zero = tensor.scale[0], float(tensor.zero_point[0])
    elif quantized:
        unit = max(map(abs, tensor.scale)) or 1.0
        mine, other = (_by_channel(values, tensor, unit) for values in (device, reference))
        steps = _steps(device, reference)
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
    return Difference(
        nrmse=min(BROKEN, (sums.error / sums.n) ** 0.5 * unit / span),
        cosine=_cosine(sums.dot, sums.own, sums.signal),
        signal=sums.signal * unit * unit if unit < 1e100 else sums.signal,
        error=sums.error * unit * unit if unit < 1e100 else sums.error,
        max_abs=sums.gap * unit,
        lsb=(sums.gap if steps is None else steps) if quantized else None,
    )


def _mixed(device: Array, reference: Array, tensor: Tensor) -> Difference:
    """Of integers that stand for real numbers, and real numbers."""
    wide: list[Array] = []
    for values in (device, reference):
        fits = values if len(tensor.scale) == 1 or values.ndim == len(tensor.shape) else values.reshape(tensor.shape)
        wide.append(real(fits, tensor) if values.dtype.kind in "iu" else fits.astype(np.float64))
    found = difference(wide[0].ravel(), wide[1].ravel(), replace(tensor, scale=(), zero_point=()))
    step = max(map(abs, tensor.scale)) or 1.0
    return replace(found, lsb=BROKEN if found.nrmse >= BROKEN else found.max_abs / step)


@dataclass(frozen=True, slots=True)
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
        return all(map(math.isfinite, (self.signal, self.error, self.own, self.dot)))


def _sums(mine: Array, other: Array, zero: float) -> _Sums:
    """Over flat arrays less `zero` (0 unless they are integers), piece by piece.

    Narrow types are summed in float32 within a piece, which is four times as fast and right to six digits; where squares of
    small values would vanish in it, again in float64.
    """
    if other.dtype not in NARROW:
        return _summed(mine, other, zero, np.float64)
    sums = _summed(mine, other, zero, np.float32)
    peak = max(abs(sums.low), abs(sums.high))
    vanishing = 0 < peak < TINY or (sums.gap > 0 and sums.error < TINY * TINY)
    return _summed(mine, other, zero, np.float64) if vanishing else sums


def _summed(mine: Array, other: Array, zero: float, work: type[np.float32 | np.float64]) -> _Sums:
    size, gap, low, high = len(other), 0.0, np.inf, -np.inf
    scratch: Array = np.empty((2, min(max(BLOCK, 2 * PIECE), size)), work)
    # |reference|^2, |difference|^2 and their product, piece by piece: they add up in float64.
    sums: Array = np.zeros((3, -(-size // PIECE) + TRIES), work)
    with np.errstate(invalid="ignore", over="ignore", under="ignore"):
        for start, stop, at, shape in _blocks(size, PIECE, BLOCK):
            x, stored = mine[start:stop], other[start:stop]
            low, high = min(low, float(_least(stored))), max(high, float(_most(stored)))
            y = _as(work, stored, scratch[1])
            different = not _equal(x, stored)
            if different:
                d = np.subtract(_as(work, x, scratch[0]), y, out=scratch[0, : stop - start])
                gap = max(gap, float(_most(d)), -float(_least(d)))
            if zero:
                y -= zero  # in scratch: values that are not ours to change have no zero point
            y = y.reshape(shape)
            np.vecdot(y, y, out=sums[0, at])
            if different:
                d = d.reshape(shape)
                np.vecdot(d, d, out=sums[1, at])
                np.vecdot(d, y, out=sums[2, at])
        signal, error, cross = map(float, sums.sum(axis=1, dtype=np.float64))
        own = signal + 2 * cross + error  # |x|^2 of x = y + d, without another pass
        if own < LOST * signal:
            own = 0.0
            for start, stop, _, shape in _blocks(size, PIECE, BLOCK):
                x = _as(work, mine[start:stop], scratch[0])
                x = (np.subtract(x, zero, out=x) if zero else x).reshape(shape)
                own += float(np.vecdot(x, x).sum(dtype=np.float64))
    return _Sums(size, signal, error, own, signal + cross, low - zero, high - zero, gap)


@functools.lru_cache(maxsize=4096)
def _blocks(size: int, piece: int, block: int) -> tuple[tuple[int, int, slice, tuple[int, int]], ...]:
    """Start and end of each block, where its sums go, and its shape in pieces of equal size, none of twice `piece` or more."""
    if not size:
        return ()
    least = -(-size // piece)
    # Sizes of layers nearly always divide: then nothing is left over, which would cost another round of calls.
    count = next((n for n in range(least, least + TRIES) if size % n == 0), size // piece)
    length = size // count if count and size % count == 0 else piece
    found, at = [], 0
    step = max(block // length, 1)
    while at < count:
        pieces = min(step, count - at)
        found.append((at * length, (at + pieces) * length, slice(at, at + pieces), (pieces, length)))
        at += pieces
    if count * length < size:
        found.append((count * length, size, slice(at, at + 1), (1, size - count * length)))
    return tuple(found)


def _equal(a: Array, b: Array) -> bool:
    """To the bit. Most blocks are as a whole or not at all, so a few values are looked at first."""
    return a[:PROBE].tobytes() == b[:PROBE].tobytes() and a.tobytes() == b.tobytes()


def _as(work: type[np.float32 | np.float64], values: Array, scratch: Array) -> Array:
    """In type `work`; a copy, in `scratch`, only where it must be."""
    if values.dtype == work:
        return values
    copy: Array = scratch[: len(values)]
    np.copyto(copy, values)
    return copy


def _steps(a: Array, b: Array) -> float:
    """Largest difference of integers; its unsigned type holds it."""
    gap: Array = np.maximum(a, b) - np.minimum(a, b)
    return float(gap.view(f"u{gap.itemsize}").max(initial=0))


def _by_channel(values: Array, tensor: Tensor, unit: float) -> Array:
    """As `real`, in units of `unit`; in float32 where that holds the integers exactly."""
    work: type[np.float32 | np.float64] = np.float32 if values.dtype in NARROW else np.float64
    along = _along(values, tensor)
    wide: Array = values.astype(work)
    if along is None:
        return np.divide(wide, unit, dtype=work)
    np.subtract(wide, np.reshape(tensor.zero_point, along), out=wide, casting="same_kind")
    np.multiply(wide, np.reshape(tensor.scale, along) / unit, out=wide, casting="same_kind")
    return wide


def real(values: Array, tensor: Tensor) -> Array:
    """As float64 real numbers: (q - zero_point) * scale, per tensor or along the tensor's axis."""
    wide = values.astype(np.float64)
    along = _along(values, tensor)
    if along is None or values.dtype.kind not in "iu":
        return wide
    result: Array = (wide - np.reshape(tensor.zero_point, along)) * np.reshape(tensor.scale, along)
    return result


def _along(values: Array, tensor: Tensor) -> list[int] | None:
    """The shape in which the tensor's scales meet `values`; None when there are none, or they fit no axis and say nothing."""
    if len(tensor.scale) <= 1:
        return [1] * values.ndim if tensor.scale else None
    if not 0 <= tensor.axis < values.ndim or values.shape[tensor.axis] != len(tensor.scale):
        return None
    return [len(tensor.scale) if axis == tensor.axis else 1 for axis in range(values.ndim)]


def _broken(quantized: bool) -> Difference:
    return Difference(BROKEN, 0.0, 0.0, BROKEN, BROKEN, BROKEN if quantized else None)


def _cosine(dot: float, a: float, b: float) -> float:
    if a == 0 or b == 0:
        return 1.0 if a == b else 0.0
    return min(1.0, max(-1.0, dot / math.sqrt(a) / math.sqrt(b)))
