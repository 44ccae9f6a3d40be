"""Ways to resize that deployed pipelines use: the recipe's, and those of Pillow, OpenCV, TensorFlow, Android.

All are separable: each output pixel is a weighted sum of a few rows, then of a few columns.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Callable

    Array = np.ndarray[Any, Any]
    Taps = tuple[Array, Array]
    """Source index and weight [out, taps] of each output row."""

Box = tuple[int, int, int, int]
"""top, bottom, left, right of the part that is kept, in pixels; bottom and right are not part of it."""


def _cubic(a: float) -> Callable[[Array], Array]:
    """Keys' cubic convolution (IEEE ASSP 29, 1981)."""

    def weight(x: Array) -> Array:
        x = np.abs(x)
        near = ((a + 2) * x - (a + 3)) * x * x + 1
        far = ((a * x - 5 * a) * x + 8 * a) * x - 4 * a
        result: Array = np.where(x <= 1, near, np.where(x < 2, far, 0))
        return result

    return weight


def _lanczos4(x: Array) -> Array:
    result: Array = np.where(np.abs(x) < 4, np.sinc(x) * np.sinc(x / 4), 0)
    return result


def _triangle(x: Array) -> Array:
    result: Array = np.maximum(0, 1 - np.abs(x))
    return result


def _half_pixel(i: Array, size: int, out: int) -> Array:
    result: Array = (i + 0.5) * size / out - 0.5
    return result


def _align_corners(i: Array, size: int, out: int) -> Array:
    result: Array = i * (size - 1) / max(1, out - 1)
    return result


def _legacy(i: Array, size: int, out: int) -> Array:
    result: Array = i * size / out
    return result


@dataclass(frozen=True)
class Few:
    """A kernel over the neighbors of a point, however much the picture shrinks."""

    at: Callable[[Array, int, int], Array]
    weight: Callable[[Array], Array]
    reach: int

    def __call__(self, size: int, out: int) -> Taps:
        """Indices and weights."""
        at = self.at(np.arange(out, dtype=np.float64), size, out)
        low = np.floor(at).astype(np.int64)[:, None] + np.arange(1 - self.reach, 1 + self.reach)
        weight = self.weight(at[:, None] - low)
        return np.clip(low, 0, size - 1), weight / weight.sum(1, keepdims=True)


@dataclass(frozen=True)
class One:
    """The nearest pixel, by some rule."""

    pick: Callable[[Array, int, int], Array]

    def __call__(self, size: int, out: int) -> Taps:
        """Indices and weights."""
        index = np.clip(self.pick(np.arange(out), size, out), 0, size - 1).astype(np.int64)
        return index[:, None], np.ones((out, 1))


def _area(size: int, out: int) -> Taps:
    """Each covered pixel by how much of it is covered."""
    edges = np.arange(out + 1) * size / out
    low = np.floor(edges[:-1] + 1e-9).astype(np.int64)
    index = low[:, None] + np.arange(int(np.ceil(size / out)) + 1)
    weight = np.minimum(index + 1, edges[1:, None]) - np.maximum(index, edges[:-1, None])
    weight = np.where(weight > 1e-9, weight, 0)
    return np.clip(index, 0, size - 1), weight / weight.sum(1, keepdims=True)


PILLOW = {
    "bilinear": Image.Resampling.BILINEAR,
    "pillow-box": Image.Resampling.BOX,
    "pillow-hamming": Image.Resampling.HAMMING,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}
"""Antialiased: the kernel grows with what it shrinks."""
RULES: dict[str, Callable[[int, int], Taps]] = {
    "bilinear-half-pixel": Few(_half_pixel, _triangle, 1),
    "bilinear-align-corners": Few(_align_corners, _triangle, 1),
    "bilinear-legacy": Few(_legacy, _triangle, 1),
    "nearest": One(lambda i, size, out: (2 * i + 1) * size // (2 * out)),
    "area": _area,
    "nearest-legacy": One(lambda i, size, out: i * size // out),
    "nearest-align-corners": One(lambda i, size, out: np.floor(i * (size - 1) / max(1, out - 1) + 0.5)),
    "bicubic-half-pixel": Few(_half_pixel, _cubic(-0.5), 2),
    "bicubic-opencv": Few(_half_pixel, _cubic(-0.75), 2),
    "bicubic-align-corners": Few(_align_corners, _cubic(-0.75), 2),
    "bicubic-legacy": Few(_legacy, _cubic(-0.75), 2),
    "lanczos4-opencv": Few(_half_pixel, _lanczos4, 4),
}
HALVED = "halved"
"""Halved by means of 2 x 2 while more than twice too large, then `bilinear-half-pixel`: Android's `inSampleSize`, mipmaps."""
KERNELS = (*PILLOW, *RULES, HALVED)
SKEW = ("bilinear-legacy", "nearest-legacy", "bicubic-legacy", "nearest")
"""Not the same when the picture is turned before as when it is turned after."""


def resize(image: Array, kernel: str, height: int, width: int) -> Array:
    """u8 [h, w, c] to u8 [height, width, c], rounded half up."""
    if kernel in PILLOW:
        return np.asarray(Image.fromarray(np.ascontiguousarray(image)).resize((width, height), PILLOW[kernel]))
    if kernel == HALVED:
        while image.shape[0] >= 2 * height and image.shape[1] >= 2 * width:
            h, w = image.shape[0] // 2 * 2, image.shape[1] // 2 * 2
            parts = [image[y:h:2, x:w:2].astype(np.uint16) for y in (0, 1) for x in (0, 1)]
            image = ((np.sum(parts, 0) + 2) >> 2).astype(np.uint8)
        kernel = "bilinear-half-pixel"
    rows = _along(image, taps(kernel, image.shape[0], height), 0)
    real = _along(rows, taps(kernel, image.shape[1], width), 1)
    result: Array = np.clip(np.floor(real + 0.5), 0, 255).astype(np.uint8)
    return result


@functools.lru_cache(maxsize=512)
def taps(kernel: str, size: int, out: int) -> Taps:
    """Of one axis."""
    index, weight = RULES[kernel](size, out)
    return index, weight.astype(np.float32)


def _along(values: Array, weighted: Taps, axis: int) -> Array:
    index, weight = weighted
    shape = [-1 if a == axis else 1 for a in range(values.ndim)]
    if weight.shape[1] == 1:
        return values.take(index[:, 0], axis)
    total: Array = values.take(index[:, 0], axis) * weight[:, 0].reshape(shape)
    for t in range(1, index.shape[1]):
        total += values.take(index[:, t], axis) * weight[:, t].reshape(shape)
    return total
