"""From a stored picture to what an image model is fed, done right, with bugs planted on the way.

Words of the pipeline: `height`, `width`, `turn` (quarter turns counter-clockwise), `crop`, `resize`, `fit`, `pad`, `order`
(channels fed, as positions in RGB), `mean`, `std`, `dtype`, `scale`, `zero_point`. Bugs add `ignore_orientation` and `box`.
Stages: `raw` (u8 upright), `turned`, `fitted` (u8, the model's size), `pixels` (real), `fed` (real), `stored`.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from benchmarks.planted.bug import Array, Bug, Pipeline, changed, edited, quantize

if TYPE_CHECKING:
    from collections.abc import Sequence

PILLOW = {
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
    "hamming": Image.Resampling.HAMMING,
}
UPRIGHT = {
    1: (0, False),
    2: (0, True),
    3: (2, False),
    4: (2, True),
    5: (3, True),
    6: (3, False),
    7: (1, True),
    8: (1, False),
}
"""EXIF orientation -> quarter turns counter-clockwise and then a mirroring left to right, which put it upright."""


@dataclass(frozen=True)
class Photo:
    """A picture as stored: u8 [height, width, 3], and the EXIF orientation beside it."""

    stored: Array
    orientation: int = 1

    @property
    def upright(self) -> Array:
        """As it is meant to be seen."""
        turns, mirror = UPRIGHT[self.orientation]
        turned = np.rot90(self.stored, turns)
        return turned[:, ::-1] if mirror else turned

    def tagged(self, orientation: int) -> Photo:
        """The same picture, stored under another orientation."""
        turns, mirror = UPRIGHT[orientation]
        picture = self.upright[:, ::-1] if mirror else self.upright
        return Photo(np.ascontiguousarray(np.rot90(picture, -turns)), orientation)

    def encode(self) -> bytes:
        """As a PNG with its orientation tag."""
        exif, file = Image.Exif(), io.BytesIO()
        exif[0x0112] = self.orientation
        Image.fromarray(self.stored).save(file, "PNG", exif=exif, compress_level=1)
        return file.getvalue()


def feed(photo: Photo, pipeline: Pipeline, bugs: Sequence[Bug] = ()) -> Array:
    """What the model is fed: [1, height, width, 3] in its own type."""
    p = edited(pipeline, bugs)
    raw = changed(photo.stored if p.get("ignore_orientation") else photo.upright, "raw", bugs)
    turned = changed(np.rot90(raw, p.get("turn", 0)), "turned", bugs)
    fitted = changed(fit(_cropped(turned, p), p), "fitted", bugs)
    pixels = changed(fitted[..., list(p.get("order", (0, 1, 2)))].astype(np.float64), "pixels", bugs)
    fed = changed((pixels - np.asarray(p["mean"])) / np.asarray(p["std"]), "fed", bugs)
    return changed(quantize(fed, p), "stored", bugs).reshape(1, p["height"], p["width"], 3)


def _cropped(picture: Array, p: Pipeline) -> Array:
    """Bugs say `box`: top, left, height, width in fractions; else the centre fraction `crop` of each side."""
    h, w = picture.shape[:2]
    if "box" in p:
        top, left, tall, wide = p["box"]
        y, x = round(top * h), round(left * w)
        return picture[y : y + max(1, round(tall * h)), x : x + max(1, round(wide * w))]
    keep_h, keep_w = (max(1, int(side * p.get("crop", 1.0) + 0.5)) for side in (h, w))
    y, x = (h - keep_h) // 2, (w - keep_w) // 2
    return picture[y : y + keep_h, x : x + keep_w]


def fit(picture: Array, p: Pipeline) -> Array:
    """Stretched, or letterboxed, to the model's size: u8."""
    height, width = p["height"], p["width"]
    picture = np.ascontiguousarray(picture)
    if p.get("fit", "stretch") == "stretch":
        return resize(picture, height, width, p["resize"])
    h, w = picture.shape[:2]
    s = min(height / h, width / w)
    small = resize(picture, max(1, int(h * s + 0.5)), max(1, int(w * s + 0.5)), p["resize"])
    board = np.full((height, width, 3), p.get("pad", 0), np.uint8)
    y, x = (height - small.shape[0]) // 2, (width - small.shape[1]) // 2
    board[y : y + small.shape[0], x : x + small.shape[1]] = small
    return board


def resize(picture: Array, height: int, width: int, kernel: str) -> Array:
    """u8 [h, w, 3] -> u8 [height, width, 3]; `bilinear`, `bicubic`, `lanczos` and `hamming` are Pillow's, antialiased."""
    if kernel in PILLOW:
        return np.asarray(Image.fromarray(picture).resize((width, height), PILLOW[kernel]))
    weights_y, weights_x = (_weights(n, m, kernel) for n, m in ((picture.shape[0], height), (picture.shape[1], width)))
    rows = np.tensordot(weights_y, picture.astype(np.float64), 1)
    real = np.floor(np.einsum("xw,ywc->yxc", weights_x, rows, optimize=True) + 0.5)
    made: Array = np.clip(real, 0, 255).astype(np.uint8)
    return made


def _weights(n: int, m: int, kernel: str) -> Array:
    """[m, n]: how much of each source pixel is in each target pixel."""
    i, w = np.arange(m), np.zeros((m, n))
    if kernel == "nearest":
        w[i, ((2 * i + 1) * n) // (2 * m)] = 1
        return w
    if kernel == "area":
        low, high = i * n / m, (i + 1) * n / m
        cell = np.arange(n)
        overlap = np.minimum(high[:, None], cell + 1) - np.maximum(low[:, None], cell)
        covered: Array = np.maximum(overlap, 0) * m / n
        return covered
    centers: dict[str, Array] = {
        "bilinear-half-pixel": (i + 0.5) * n / m - 0.5,
        "bilinear-align-corners": i * (n - 1) / max(1, m - 1),
        "bilinear-legacy": i * n / m,
    }
    at: Array = np.clip(centers[kernel], 0, n - 1)
    first: Array = np.floor(at)
    for place, weight in ((first, 1 - (at - first)), (np.minimum(first + 1, n - 1), at - first)):
        w[i, place.astype(np.int64)] += weight
    return w
