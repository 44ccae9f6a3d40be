"""The device's input as it would be without the inferred bug, as far as the bug lost nothing.

Changes are taken back in the reverse of the order in which they happened. Turns, orders, layouts and bits are exact; an affine
map and a camera's wrong arithmetic are exact but for rounding; of a crop that kept too much the right part is enlarged, which
is less sharp than the right input. What a smaller crop or a resize took away is gone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
from PIL import Image

from farm.assess.explain.camera import Matrix, Mistake
from farm.assess.explain.kernels import resize
from farm.assess.explain.layout import Bits, Layout, Order
from farm.assess.explain.views import TURNS, inverse, turned

if TYPE_CHECKING:
    from collections.abc import Sequence

    from farm.model.recipe import Recipe
    from farm.report.explanation import Change

    Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Units:
    """How a tensor's values become pixel units: dequantized, then back through the expected normalization, [c] each."""

    scale: float
    zero: int
    mean: Array
    std: Array

    def pixels(self, stored: Array) -> Array:
        """float64 [h, w, c]; the right input is 0..255."""
        with np.errstate(invalid="ignore", over="ignore"):
            real = stored.astype(np.float64)
            return np.asarray(np.nan_to_num((real - self.zero) * self.scale * self.std + self.mean, posinf=0, neginf=0))


def units(recipe: Recipe | None, scale: Sequence[float], zero: Sequence[int], channels: int) -> Units:
    """Of a model input; without a recipe values are their own units."""
    mean, std = np.zeros(channels), np.ones(channels)
    if recipe is not None and channels == 3:
        mean, std = np.asarray(recipe.normalize.mean, float), np.asarray(recipe.normalize.std, float)
    return Units(scale[0] if len(scale) == 1 else 1.0, zero[0] if len(zero) == 1 else 0, mean, std)


def undo(
    changes: Sequence[Change], stored: Array, how: Units, recipe: Recipe | None, *, tag: int = 0
) -> tuple[Array, tuple[str, ...]]:
    """From the logged tensor [h, w, c]: pixel units float64 [h, w, c] without the changes, and the names of those that stay.

    `tag` is the turn that the frame's EXIF orientation asks for.
    """
    left: list[str] = []
    for change in reversed(changes):
        layout = _layout(change)
        if layout is not None:
            stored = layout.undo(stored)[0]
    pixels = how.pixels(stored)
    for change in reversed(changes):
        if _layout(change) is not None:
            continue
        made = _undone(change, pixels, recipe, tag)
        if made is None:
            left.insert(0, change.name)
        else:
            pixels = made
    return pixels, tuple(left)


def _layout(change: Change) -> Layout | None:
    """Where the change is one of places or bits in the tensor itself."""
    if change.part != "layout":
        return None
    padding = int(change.parameters.get("padding", 0))
    every = [Layout(order=order) for order in get_args(Order) if order]
    every += [Layout(bits=bits) for bits in get_args(Bits) if bits]
    if change.name == "row-stride" and ("resized" in change.words or Layout(padding=padding).changes == (change,)):
        return Layout(padding=padding)
    return next((known for known in every if known.changes == (change,)), None)


def _undone(change: Change, pixels: Array, recipe: Recipe | None, tag: int) -> Array | None:
    if change.name == "affine" and change.part == "normalization":
        return _affine(change, pixels)
    if change.part == "channel" and "order" in change.parameters:
        return _reordered(str(change.parameters["order"]), pixels, recipe)
    if change.name == "u8-as-i8":
        return np.where(pixels < 0, pixels + 256, pixels)
    if change.name in TURNS:
        return _turned(pixels, inverse(TURNS.index(change.name)))
    if change.name == "exif-ignored":
        base = 0 if recipe is None else recipe.rotate // 90
        return _turned(_turned(_turned(pixels, inverse(base)), tag), base)
    if change.name == "crop" and recipe is not None:
        return _cropped(change, pixels, recipe.crop)
    mistake = _camera(change.name)
    if mistake is not None and pixels.shape[-1] == 3:
        bgr = recipe is not None and recipe.channels == "bgr"
        rgb = pixels[..., ::-1] if bgr else pixels
        made = mistake.apply(np.clip(np.rint(rgb), 0, 255).astype(np.uint8)).astype(np.float64)
        return made[..., ::-1] if bgr else made
    return None


def _affine(change: Change, pixels: Array) -> Array | None:
    channels = pixels.shape[-1]
    try:
        slope, offset = (np.array([float(change.parameters[f"{n} {c}"]) for c in range(channels)]) for n in _AFFINE)
    except KeyError:
        return None
    return np.asarray((pixels - offset) / np.where(slope == 0, 1.0, slope))


_AFFINE = ("slope", "offset")
EDGE = 0.01
"""Share of a side by which a part may reach beyond what was kept: parts are told to some digits."""


def _reordered(order: str, pixels: Array, recipe: Recipe | None) -> Array | None:
    names = recipe.channels if recipe is not None and pixels.shape[-1] == 3 else "0123456789"[: pixels.shape[-1]]
    if sorted(order) != sorted(names):  # alpha stands where a color was: that one is gone
        return None
    return pixels[..., [order.index(name) for name in names]]


def _turned(pixels: Array, turn: int) -> Array:
    """In the same shape: pictures are turned before they are resized."""
    made = np.ascontiguousarray(turned(pixels, turn))
    if made.shape == pixels.shape:
        return made
    byte = np.clip(np.rint(made), 0, 255).astype(np.uint8)
    return resize(byte, "bilinear", *pixels.shape[:2]).astype(np.float64)


def _cropped(change: Change, pixels: Array, wanted: float) -> Array | None:
    """The part that the recipe wants, enlarged; None where the device did not keep all of it."""
    told = change.parameters
    if told.get("kind") == "centre":
        kept = float(told["crop"])
        top, left, height, width = (1 - kept) / 2, (1 - kept) / 2, kept, kept
    elif told.get("kind") == "part":
        top, left, height, width = (float(told[name]) for name in ("top", "left", "height", "width"))
    else:  # a square of the shorter side: where it lies depends on the picture
        return None
    start = (1 - wanted) / 2
    box = (
        (start - left) / width,
        (start - top) / height,
        (start + wanted - left) / width,
        (start + wanted - top) / height,
    )
    if min(box) < -EDGE or max(box) > 1 + EDGE:
        return None
    h, w, channels = pixels.shape
    sides = np.clip(box, 0, 1) * (w, h, w, h)
    made = [
        Image.fromarray(pixels[..., c].astype(np.float32)).resize((w, h), Image.Resampling.BILINEAR, tuple(sides))
        for c in range(channels)
    ]
    return np.stack([np.asarray(m, np.float64) for m in made], -1)


def _camera(name: str) -> Mistake | None:
    """The mistake that takes one back: what was read is written again, and read as it was written."""
    if name == "nv21-as-nv12":
        return Mistake(swapped=True)
    if name in ("full-as-limited", "limited-as-full"):
        wrote = name.startswith("full")
        return Mistake(wrote_full=not wrote, reads_full=wrote)
    written, _, read = name.partition("-as-")
    known: dict[str, Matrix] = {m: m for m in get_args(Matrix)}
    return Mistake(written=known[read], read=known[written]) if written in known and read in known else None
