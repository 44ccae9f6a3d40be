"""What Android cameras' YUV buffers become when one rule wrote them and another reads them.

Matrices and ranges: ITU-R BT.601-7 and BT.709-6; full range as in JFIF.
"""

from __future__ import annotations

import functools
import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    Array = np.ndarray[Any, Any]

Matrix = Literal["bt601", "bt709"]
Subsampling = Literal["none", "mean", "first", "smooth"]
"""Of chroma, 2 x 2: not at all; their mean; the first pixel's; their mean, interpolated when read."""
SUBSAMPLINGS: tuple[Subsampling, ...] = ("none", "mean", "first", "smooth")
BAND = 256
"""Rows of a picture that are converted at once."""
LUMA: dict[Matrix, tuple[float, float]] = {"bt601": (0.299, 0.114), "bt709": (0.2126, 0.0722)}


@dataclass(frozen=True)
class Mistake:
    """How a buffer was written, and how it is read."""

    written: Matrix = "bt601"
    wrote_full: bool = True
    read: Matrix = "bt601"
    reads_full: bool = True
    swapped: bool = False
    """U is read as V."""
    subsampling: Subsampling = "none"

    @property
    def kinds(self) -> tuple[str, ...]:
        """What is wrong, by name."""
        found = []
        if self.swapped:
            found.append("nv21-as-nv12")
        if self.wrote_full != self.reads_full:
            found.append("full-as-limited" if self.wrote_full else "limited-as-full")
        if self.written != self.read:
            found.append(f"{self.written}-as-{self.read}")
        return tuple(found)

    def apply(self, rgb: Array) -> Array:
        """u8 [h, w, 3] -> u8 [h, w, 3]; values of the buffer are rounded to 8 bits, as it holds them."""
        matrix, offset = _encoding(self.written, self.wrote_full)
        yuv = np.concatenate(
            [
                np.clip(np.rint(rows.astype(np.float32) @ matrix.T + offset), 0, 255).astype(np.uint8)
                for rows in _bands(rgb)
            ]
        )
        order = [0, 2, 1] if self.swapped else [0, 1, 2]
        matrix, offset = _encoding(self.read, self.reads_full)
        inverse = np.linalg.inv(matrix.astype(np.float64)).astype(np.float32)
        chroma = yuv[..., 1:] if self.subsampling == "none" else _subsampled(yuv[..., 1:], self.subsampling)
        made = []
        for luma, rest in zip(_bands(yuv[..., :1]), _bands(chroma), strict=True):
            out = (np.concatenate([luma, rest], -1)[..., order].astype(np.float32) - offset) @ inverse.T
            made.append(np.clip(np.floor(out + 0.5), 0, 255).astype(np.uint8))
        return np.concatenate(made)


@functools.cache
def mistakes() -> tuple[Mistake, ...]:
    """All that are one or two of the kinds, each once."""
    matrices: tuple[Matrix, ...] = ("bt601", "bt709")
    found = [
        Mistake(written, wrote, read, reads, swapped)
        for written, wrote, read, reads, swapped in itertools.product(
            matrices, (True, False), matrices, (True, False), (False, True)
        )
    ]
    return tuple(sorted((m for m in found if 1 <= len(m.kinds) <= 2), key=lambda m: len(m.kinds)))


@functools.cache
def _encoding(matrix: Matrix, full: bool) -> tuple[Array, Array]:  # a pair of words is the key
    kr, kb = LUMA[matrix]
    luma = np.array([kr, 1 - kr - kb, kb])
    rows = np.stack([luma, (np.array([0, 0, 1]) - luma) / (2 - 2 * kb), (np.array([1, 0, 0]) - luma) / (2 - 2 * kr)])
    if full:
        return rows.astype(np.float32), np.array([0, 128, 128], np.float32)
    scale = np.array([[219 / 255], [224 / 255], [224 / 255]])
    return (rows * scale).astype(np.float32), np.array([16, 128, 128], np.float32)


def _bands(picture: Array) -> Iterator[Array]:
    """Some rows at a time: a large picture in real numbers takes many times its room."""
    return (picture[y : y + BAND] for y in range(0, len(picture), BAND))


def _subsampled(chroma: Array, how: Subsampling) -> Array:
    h, w = chroma.shape[:2]
    even = np.pad(chroma, ((0, h % 2), (0, w % 2), (0, 0)), mode="edge").astype(np.uint16)  # four bytes are added up
    if how == "first":
        small = even[::2, ::2]
    else:
        small = np.rint((even[::2, ::2] + even[1::2, ::2] + even[::2, 1::2] + even[1::2, 1::2]) / np.float32(4))
    if how == "smooth":
        for axis in (0, 1):
            before, after = (np.concatenate(parts, axis) for parts in _neighbors(small, axis))
            pairs = np.stack([small * 0.75 + before * 0.25, small * 0.75 + after * 0.25], axis + 1)
            small = pairs.reshape(*(s * (2 if a == axis else 1) for a, s in enumerate(small.shape)))
        return small[:h, :w]
    return small.repeat(2, 0).repeat(2, 1)[:h, :w]


def _neighbors(values: Array, axis: int) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    first, last = values.take([0], axis), values.take([-1], axis)
    n = values.shape[axis]
    return (first, values.take(range(n - 1), axis)), (values.take(range(1, n), axis), last)
