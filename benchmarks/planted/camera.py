"""Android camera frames: YUV and ARGB buffers written by one rule and read by another."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from benchmarks.planted.bug import Array

LUMA = {"601": (0.299, 0.114), "709": (0.2126, 0.0722)}
"""Weights of red and blue in luma."""


def to_yuv(rgb: Array, matrix: str = "601", *, limited: bool = False) -> Array:
    """u8 RGB -> u8 YUV of full (0..255) or limited (16..235, chroma 16..240) range."""
    red, blue = LUMA[matrix]
    r, g, b = np.moveaxis(rgb.astype(np.float64), -1, 0)
    y = red * r + (1 - red - blue) * g + blue * b
    u, v = (b - y) / (2 * (1 - blue)), (r - y) / (2 * (1 - red))
    if limited:
        y, u, v = 16 + y * 219 / 255, u * 224 / 255, v * 224 / 255
    return _bytes(np.stack([y, u + 128, v + 128], -1))


def to_rgb(yuv: Array, matrix: str = "601", *, limited: bool = False) -> Array:
    """The inverse; what lies outside of 0..255 is cut off."""
    red, blue = LUMA[matrix]
    y, u, v = np.moveaxis(yuv.astype(np.float64), -1, 0)
    u, v = u - 128, v - 128
    if limited:
        y, u, v = (y - 16) * 255 / 219, u * 255 / 224, v * 255 / 224
    r, b = y + 2 * (1 - red) * v, y + 2 * (1 - blue) * u
    return _bytes(np.stack([r, (y - red * r - blue * b) / (1 - red - blue), b], -1))


def halved(yuv: Array) -> Array:
    """Chroma of each 2 x 2 pixels averaged, as 4:2:0 frames have it."""
    out = yuv.copy()
    h, w = yuv.shape[0] // 2 * 2, yuv.shape[1] // 2 * 2
    blocks = yuv[:h, :w, 1:].astype(np.float64).reshape(h // 2, 2, w // 2, 2, 2).mean((1, 3))
    out[:h, :w, 1:] = _bytes(blocks).repeat(2, 0).repeat(2, 1)
    return out


def swap_chroma(rgb: Array, *, subsampled: bool) -> Array:
    """NV21 read as NV12."""
    yuv = to_yuv(rgb)
    return to_rgb((halved(yuv) if subsampled else yuv)[..., [0, 2, 1]])


def range_mixed(rgb: Array, *, written_limited: bool) -> Array:
    """A frame of one range read as of the other."""
    return to_rgb(to_yuv(rgb, limited=written_limited), limited=not written_limited)


def matrix_mixed(rgb: Array, *, written: str) -> Array:
    """A frame of one matrix read by the other's."""
    return to_rgb(to_yuv(rgb, written), "709" if written == "601" else "601")


def round_trip(rgb: Array) -> Array:
    """Through 4:2:0 and back, rightly."""
    return to_rgb(halved(to_yuv(rgb)))


def with_alpha(rgb: Array, positions: tuple[int, int, int]) -> Array:
    """The three of R, G, B, A (opaque) that are taken for red, green and blue."""
    rgba = np.concatenate([rgb, np.full((*rgb.shape[:2], 1), 255, np.uint8)], -1)
    return rgba[..., list(positions)]


def _bytes(value: Array) -> Array:
    return np.clip(np.floor(value + 0.5), 0, 255).astype(np.uint8)
