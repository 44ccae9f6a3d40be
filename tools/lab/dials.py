"""Dials to read off, for regression: where the needle points, how warm the face's color is, how large the dial is.

The needle is lost to rotation and mirroring, the color to a swapped channel, the size to another crop.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lab import paint

if TYPE_CHECKING:
    from numpy.typing import NDArray

SHAPE = (84, 112)
VALUES = ("needle", "warmth", "size")
"""Each evenly spread over 0..1."""
_NEEDLE = ((-0.09, 0.16), (0.0, -0.82), (0.09, 0.16))
_WARM, _COLD = np.array((205.0, 60.0, 45.0)), np.array((45.0, 75.0, 205.0))


def draw(rng: np.random.Generator) -> tuple[NDArray[np.uint8], tuple[float, float, float]]:
    """A picture, uint8 [84, 112, 3] RGB, and its `VALUES`; the needle goes clockwise from -130 to 130 degrees."""
    needle, warmth, size = (float(v) for v in rng.uniform(0, 1, 3))
    radius = 20 + 16 * size
    x, y = SHAPE[1] / 2 + rng.uniform(-10, 10), SHAPE[0] / 2 + rng.uniform(-5, 5)
    picture = paint.backdrop(SHAPE, rng)
    picture = paint.over(picture, paint.jitter((50, 50, 52), rng, 8), paint.disc(SHAPE, x, y, radius))
    face = _COLD + (_WARM - _COLD) * warmth
    picture = paint.over(picture, face, paint.disc(SHAPE, x, y, radius * 0.92))
    for step in range(11):
        tick = [(-0.03, -0.9), (0.03, -0.9), (0.03, -0.74), (-0.03, -0.74)]
        points = paint.turned(tick, -130 + 26 * step, x, y, radius)
        picture = paint.over(picture, (225, 225, 220), paint.polygon(SHAPE, points))
    points = paint.turned(_NEEDLE, -130 + 260 * needle, x, y, radius)
    picture = paint.over(picture, (240, 240, 235), paint.polygon(SHAPE, points))
    return paint.camera(picture, rng), (needle, warmth, size)
