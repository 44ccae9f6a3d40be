"""Ways to see a picture: turned, cropped, resized, as a device may have done it."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from PIL import Image

from farm.assess.explain import kernels
from farm.reference import preprocess

if TYPE_CHECKING:
    from collections.abc import Sequence

    from farm.assess.explain.camera import Mistake
    from farm.assess.explain.kernels import Box
    from farm.model.recipe import Recipe
    from farm.store.artifacts import ArtifactStore
    from farm.submission import InputFrame

    Array = np.ndarray[Any, Any]
    Size = tuple[int, int]
    """Height and width."""

TURNS = ("", "rotate-90", "rotate-180", "rotate-270", "mirror", "anti-transpose", "flip", "transpose")
"""By number: quarter turns counter-clockwise, 4 more when left and right are swapped after that."""
EXIF_TURNS = {1: 0, 2: 4, 3: 2, 4: 6, 5: 7, 6: 3, 7: 5, 8: 1}
"""EXIF orientation -> the turn that makes the picture upright (Exif 3.0, tag 0x0112)."""
KEPT_BYTES = 128 << 20
"""Of one picture, turned and read in some ways."""
Fit = Literal["stretch", "letterbox", "letterbox-start"]
"""`letterbox-start`: as letterbox, with all of the filling below or to the right."""


def turned(picture: Array, turn: int) -> Array:
    """A view of [h, w, ...]."""
    made = np.rot90(picture, turn % 4)
    return made[:, ::-1] if turn >= 4 else made  # mirrored


def inverse(turn: int) -> int:
    """The turn that undoes it; those with a mirror undo themselves."""
    return turn if turn >= 4 else -turn % 4


def after(first: int, second: int) -> int:
    """The one turn that both make."""
    probe = np.arange(6).reshape(2, 3)
    both = turned(turned(probe, first), second)
    return next(t for t in range(8) if np.array_equal(turned(probe, t), both))


@dataclass(frozen=True)
class Crop:
    """The part that is kept of each of f pictures, once they are turned."""

    kind: Literal["centre", "square", "part"]
    """Centre fraction of each side; of the shorter side; any part."""
    values: tuple[float, ...]
    """The fraction; of a part top, left, height, width as fractions."""
    boxes: tuple[Box, ...]

    def moved(self, frame: int, box: Box) -> Crop:
        """With another part of one picture."""
        boxes = list(self.boxes)
        boxes[frame] = box
        return replace(self, boxes=tuple(boxes))


def centre(fraction: float, sizes: Sequence[Size]) -> Crop:
    """As `Recipe.crop` has it."""
    return Crop("centre", (fraction,), tuple(_middle(h, w, h * fraction, w * fraction) for h, w in sizes))


def square(fraction: float, sizes: Sequence[Size]) -> Crop:
    """A square in the middle, of the shorter side."""
    sides = [min(h, w) * fraction for h, w in sizes]
    return Crop("square", (fraction,), tuple(_middle(h, w, s, s) for (h, w), s in zip(sizes, sides, strict=True)))


def part(top: float, left: float, height: float, width: float, sizes: Sequence[Size]) -> Crop:
    """Any part, in fractions of the picture."""
    boxes = []
    for h, w in sizes:
        kept_h, kept_w = max(1, min(h, round(h * height))), max(1, min(w, round(w * width)))
        y, x = max(0, min(h - kept_h, round(h * top))), max(0, min(w - kept_w, round(w * left)))
        boxes.append((y, y + kept_h, x, x + kept_w))
    return Crop("part", (top, left, height, width), tuple(boxes))


def _middle(h: int, w: int, height: float, width: float) -> Box:
    kept_h, kept_w = (max(1, math.floor(side + 0.5)) for side in (height, width))
    y, x = (h - kept_h) // 2, (w - kept_w) // 2
    return y, y + kept_h, x, x + kept_w


def content(box: Box, fit: Fit, height: int, width: int) -> Box:
    """Where the kept part lands in the model's input (docs/recipes.md)."""
    if fit == "stretch":
        return 0, height, 0, width
    h, w = box[1] - box[0], box[3] - box[2]
    scale = min(height / h, width / w)
    kept_h, kept_w = (min(limit, max(1, math.floor(s * scale + 0.5))) for s, limit in ((h, height), (w, width)))
    top, left = ((height - kept_h) // 2, (width - kept_w) // 2) if fit == "letterbox" else (0, 0)
    return top, top + kept_h, left, left + kept_w


@dataclass(frozen=True)
class View:
    """From the encoded picture to 8-bit RGB in the model's size."""

    crop: Crop
    kernel: str
    turn: int = 0
    """Of the picture as the recipe turns it."""
    fit: Fit = "stretch"
    exif: bool = True
    """The orientation that the file tells is heeded."""
    camera: tuple[Mistake, ...] = ()
    """Made one after the other, before all else."""
    stride: int = 0
    """Bytes of padding in each row of the camera's buffer that the reader does not know of."""
    sheared_first: bool = False
    """The camera's mistake is made on rows that were read with the wrong stride, not before."""
    fitted_stride: int = 0
    """The same of the buffer that holds the resized picture."""
    late: bool = False
    """Turned after resizing."""


@dataclass(frozen=True)
class Rendered:
    """A view of one frame."""

    pixels: Array
    """u8 [height, width, 3]"""
    shown: Array
    """bool [height, width]: where the picture is."""
    around: Array
    """The same: where filling is. In neither are the bytes between rows, which may hold anything."""


class Picture:
    """One decoded frame and its views. Holds the pixels: as few of these at a time as may be."""

    def __init__(self, frame: InputFrame, number: int, artifacts: ArtifactStore, recipe: Recipe) -> None:
        data = artifacts.read(frame.sha256[0])
        self.number = number
        self._upright = preprocess.decode(data, frame.name)
        self.tag = EXIF_TURNS.get(orientation(data), 0)
        self._base = recipe.rotate // 90
        self._made: dict[tuple[bool, int, tuple[Mistake, ...], int, bool], Array] = {}

    def raw(
        self,
        *,
        turn: int,
        exif: bool = True,
        camera: tuple[Mistake, ...] = (),
        stride: int = 0,
        sheared_first: bool = False,
    ) -> Array:
        """u8 [h, w, 3], turned as the recipe has it and as `turn` says beyond that."""
        key = (exif, turn, camera, stride, sheared_first)
        if key not in self._made:
            source = self._upright if exif else turned(self._upright, inverse(self.tag))
            if stride and sheared_first:
                source = sheared(source, stride)
            for mistake in camera:
                source = mistake.apply(source)
            if stride and not sheared_first:
                source = sheared(source, stride)
            while self._made and (len(self._made) + 1) * source.nbytes > KEPT_BYTES:
                self._made.pop(next(iter(self._made)))
            self._made[key] = np.ascontiguousarray(turned(turned(source, self._base), turn))
        return self._made[key]

    def size(self, turn: int, *, exif: bool) -> Size:
        """Of `raw`."""
        h, w = self._upright.shape[:2]
        odd = self._base + turn + (0 if exif else self.tag)
        return (w, h) if odd % 2 else (h, w)

    def render(self, view: View, height: int, width: int) -> Rendered:
        """One view."""
        late = view.turn if view.late else 0
        raw = self.raw(
            turn=0 if late else view.turn, exif=view.exif, camera=view.camera,
            stride=view.stride, sheared_first=view.sheared_first,
        )  # fmt: skip
        box = view.crop.boxes[self.number]
        if late:
            box = turned_box(box, inverse(late), self.size(view.turn, exif=view.exif))
        top, bottom, left, right = box
        if late and late % 2:
            height, width = width, height
        inside = content(box, view.fit, height, width)
        kept = raw[top:bottom, left:right]
        pixels = kernels.resize(kept, view.kernel, inside[1] - inside[0], inside[3] - inside[2])
        shown = np.ones(pixels.shape, bool)
        if view.fit != "stretch":
            pixels, shown = (_placed(values, inside, height, width) for values in (pixels, shown))
        if late:
            pixels, shown = turned(pixels, late), turned(shown, late)
        around = ~shown
        if view.fitted_stride:
            pixels, shown, around = (
                sheared(np.ascontiguousarray(values), view.fitted_stride) for values in (pixels, shown, around)
            )
        return Rendered(pixels, np.asarray(shown.all(-1)), np.asarray(around.all(-1)))


def _placed(values: Array, box: Box, height: int, width: int) -> Array:
    whole = np.zeros((height, width, *values.shape[2:]), values.dtype)
    whole[box[0] : box[1], box[2] : box[3]] = values
    return whole


def turned_box(box: Box, turn: int, size: Size) -> Box:
    """Where a part of a picture of `size` is once that is turned."""
    h, w = size
    top, bottom, left, right = box
    for _ in range(turn % 4):  # a quarter turn counter-clockwise: the right side comes to the top
        top, bottom, left, right, h, w = w - right, w - left, top, bottom, w, h
    return (top, bottom, w - right, w - left) if turn >= 4 else (top, bottom, left, right)


def sheared(picture: Array, padding: int) -> Array:
    """[h, w, c] as read with `padding` bytes a row that the reader does not know of; negative: that are not there."""
    h, w, c = picture.shape
    rows = picture.reshape(h, w * c)
    if padding > 0:
        return np.pad(rows, ((0, 0), (0, padding))).reshape(-1)[: picture.size].reshape(picture.shape)
    at = np.arange(h)[:, None] * (w * c - padding) + np.arange(w * c)
    flat = rows.reshape(-1)
    return np.where(at < flat.size, flat[np.minimum(at, flat.size - 1)], 0).astype(picture.dtype).reshape(picture.shape)


def orientation(data: bytes) -> int:
    """The EXIF orientation of an encoded picture; 1 where it tells none."""
    with Image.open(io.BytesIO(data)) as image:
        return int(image.getexif().get(0x0112, 1))
