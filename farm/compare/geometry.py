"""Where the model's input lies in the upright picture: the recipe's geometry, backwards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from farm.reference.preprocess import placed

if TYPE_CHECKING:
    from farm.model.recipe import Recipe

    Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Geometry:
    """Of one picture under one recipe; `height` and `width` are the upright picture's, `to` the model input's."""

    recipe: Recipe
    height: int
    width: int
    to: tuple[int, int]

    def boxes(self, boxes: Array) -> Array:
        """Boxes as fractions of the model's input into fractions of the upright picture: f64 [n, 4] of y, x, y, x."""
        turned_h, turned_w = self._turned
        at = placed(turned_h, turned_w, self.recipe, *self.to)
        y = ((boxes[:, 0::2] * self.to[0] - at.down) / at.height * at.kept_h + at.top) / turned_h
        x = ((boxes[:, 1::2] * self.to[1] - at.right) / at.width * at.kept_w + at.left) / turned_w
        # np.rot90 by k quarters, backwards.
        up, across = ((y, x), (x, 1 - y), (1 - y, 1 - x), (1 - x, y))[self.recipe.rotate // 90]
        return np.stack([up.min(1), across.min(1), up.max(1), across.max(1)], 1)

    def classes(self, made: Array, mask: Array) -> tuple[Array, Array]:
        """What an output map says at each pixel of a mask: nearest, at the middle of the mask's pixel.

        `made` is [h, w], a map over the model's input; `mask` [H, W] over the upright picture. Pixels that the recipe crops away
        are left out. Returns two arrays of the same shape: the map's values, and the mask's.
        """
        mask = np.rot90(mask, self.recipe.rotate // 90)
        turned_h, turned_w = self._turned
        at = placed(turned_h, turned_w, self.recipe, *self.to)
        rows, keep_rows = _nearest(
            mask.shape[0], turned_h, at.top, at.kept_h, at.down, at.height, self.to[0], made.shape[0]
        )
        columns, keep = _nearest(
            mask.shape[1], turned_w, at.left, at.kept_w, at.right, at.width, self.to[1], made.shape[1]
        )
        return made[rows[:, None], columns], mask[keep_rows][:, keep]

    @property
    def _turned(self) -> tuple[int, int]:
        return (self.width, self.height) if self.recipe.rotate in (90, 270) else (self.height, self.width)


def _nearest(
    count: int, side: int, first: int, kept: int, offset: int, made: int, model: int, out: int
) -> tuple[Array, Array]:
    """Along one side: of `count` mask pixels those that the crop keeps, and the output's pixel at each of them."""
    at = ((np.arange(count) + 0.5) * side / count - first) / kept
    keep = (at >= 0) & (at < 1)
    place = np.floor((at[keep] * made + offset) / model * out).astype(np.int64)
    return np.clip(place, 0, out - 1), keep
