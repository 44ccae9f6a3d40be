"""What the device fed, in pixel units: taken back through the expected normalization, so that the right input is 0..255."""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    Array = np.ndarray[Any, Any]

BEYOND = 1e7
"""Pixel units; larger numbers are no pictures, whatever they are."""


@dataclass(frozen=True)
class Device:
    """The device's input in f frames, in pixel units."""

    values: tuple[Array, ...]
    """float32 [h, w, c]"""
    known: tuple[Array, ...]
    """bool [h, w]: pixels that the tensor holds, and that are numbers."""
    inside: tuple[Array, ...]
    """bool [h, w, c]: not at the limits of the type, nor of a bitmap's 0 and 255."""
    limits: tuple[Array, Array]
    """Least and largest value [c] that the type can hold; infinite for real numbers."""
    step: Array
    """float [c]: of quantization; 0 for real numbers."""
    mean: Array
    """float [c]: of the expected normalization."""
    std: Array
    bitmap: bool = True
    """Values were bytes of a picture once, so that 0 and 255 may stand for what lies beyond."""

    def of(self, frames: Sequence[int]) -> Device:
        """Some of the frames."""
        if list(frames) == list(range(len(self.values))):
            return self
        return replace(
            self,
            values=tuple(self.values[f] for f in frames),
            known=tuple(self.known[f] for f in frames),
            inside=tuple(self.inside[f] for f in frames),
        )

    @functools.cached_property
    def ends(self) -> tuple[Array, Array]:
        """float [c]: least and largest value of each channel over all frames."""
        low, high = np.full(len(self.mean), np.inf), np.full(len(self.mean), -np.inf)
        for v, k in zip(self.values, self.known, strict=True):
            flat = v.reshape(-1, v.shape[-1]) if k.all() else v[k]
            if len(flat):
                low, high = np.minimum(low, flat.min(0)), np.maximum(high, flat.max(0))
        return np.where(np.isfinite(low), low, 0.0), np.where(np.isfinite(high), high, 0.0)

    @functools.cached_property
    def span(self) -> Array:
        """float [c]: range of each channel over all frames."""
        span = self.ends[1] - self.ends[0]
        return np.where(span > 0, span, max(float(span.max()), 1e-9))


def device(
    tensors: Sequence[Array],
    known: Sequence[Array],
    normalize: tuple[Array, Array],
    quantization: tuple[float, int] | None,
    *,
    bitmap: bool = True,
) -> Device:
    """From stored tensors [h, w, c]; mean and std [c]; scale and zero point of an integer type."""
    mean, std = normalize
    limits = np.full(len(mean), -np.inf), np.full(len(mean), np.inf)
    step = np.zeros(len(mean))
    values, masks, inside = [], [], []
    for tensor, seen in zip(tensors, known, strict=True):
        with np.errstate(invalid="ignore"):  # numbers whose bytes are in the wrong order are not always numbers
            real = tensor.astype(np.float64)
        sound = np.isfinite(real)
        free = sound.copy()
        if quantization is not None:
            scale, zero = quantization
            ends = np.iinfo(tensor.dtype)
            free &= (tensor > ends.min) & (tensor < ends.max)
            real = (real - zero) * scale
            ends_real = sorted((np.array([e - zero for e in (ends.min, ends.max)]) * scale).tolist())
            both = np.sort(np.stack([e * std + mean for e in ends_real]), 0)
            limits, step = (both[0], both[1]), np.abs(scale * std)
        with np.errstate(over="ignore", invalid="ignore"):
            pixels = np.clip(np.where(sound, real, 0.0) * std + mean, -BEYOND, BEYOND)
        if bitmap:
            free &= (np.abs(pixels) > 0.5) & (np.abs(pixels - 255) > 0.5)  # half a pixel unit
        values.append(pixels.astype(np.float32))
        masks.append(seen & sound.all(-1))
        inside.append(free & masks[-1][..., None])
    return Device(tuple(values), tuple(masks), tuple(inside), limits, step, mean, std, bitmap)
