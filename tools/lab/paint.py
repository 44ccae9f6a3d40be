"""Masks, color and light: what the drawn scenes and dials share. Pictures are float [H, W, 3] in 0..255 until `camera`."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageDraw

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    Pixels = NDArray[Any]
    Points = Sequence[tuple[float, float]]
    Color = tuple[float, float, float]

_FINE = 3  # shapes are drawn this many times larger, then averaged


def _mask(shape: tuple[int, int], paint: Callable[[ImageDraw.ImageDraw], None]) -> Pixels:
    canvas = Image.new("L", (shape[1] * _FINE, shape[0] * _FINE))
    paint(ImageDraw.Draw(canvas))
    return np.asarray(canvas.reduce(_FINE), np.float32)[..., None] / 255.0


def polygon(shape: tuple[int, int], points: Points) -> Pixels:
    """How much of each pixel lies inside: float32 [H, W, 1] in 0..1. Points are (x, y) in pixels."""
    return _mask(shape, lambda pen: pen.polygon([(x * _FINE, y * _FINE) for x, y in points], fill=255))


def disc(shape: tuple[int, int], x: float, y: float, radius: float) -> Pixels:
    """As `polygon`, of a circle."""
    box = [(v + sign * radius) * _FINE for sign in (-1, 1) for v in (x, y)]
    return _mask(shape, lambda pen: pen.ellipse(box, fill=255))


def turned(points: Points, degrees: float, x: float, y: float, size: float) -> list[tuple[float, float]]:
    """Points in units of `size`, turned clockwise about their origin, which comes to lie at (x, y)."""
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return [(x + size * (c * u - s * v), y + size * (s * u + c * v)) for u, v in points]


def over(scene: Pixels, color: Pixels | Color, mask: Pixels) -> Pixels:
    """`color` laid over the scene where the mask is."""
    return np.asarray(scene + (np.asarray(color) - scene) * mask)


def jitter(color: Color, rng: np.random.Generator, amount: float = 16.0) -> Pixels:
    """A color near the one given."""
    return np.asarray(color + rng.normal(0.0, amount, 3)).clip(0, 255)


def backdrop(shape: tuple[int, int], rng: np.random.Generator) -> Pixels:
    """A wall or a lawn of any color: two tones with a soft edge, and some blots."""
    x, y = grid(shape)
    angle = rng.uniform(0, 2 * np.pi)
    along = (x / shape[1] - 0.5) * np.cos(angle) + (y / shape[0] - 0.5) * np.sin(angle)
    edge = 1 / (1 + np.exp(-(along - rng.uniform(-0.3, 0.3)) / rng.uniform(0.02, 0.3)))
    low, high = rng.uniform(60, 200, 2)[:, None] + rng.normal(0, 18, (2, 3))
    scene: Pixels = low + (high - low) * edge[..., None]
    for _ in range(int(rng.integers(0, 6))):
        at = rng.uniform(0, shape[1]), rng.uniform(0, shape[0])
        scene = over(scene, jitter((125, 125, 120), rng, 30), disc(shape, *at, rng.uniform(3, 10)))
    return scene


def grid(shape: tuple[int, int]) -> tuple[Pixels, Pixels]:
    """x and y of each pixel: float32 [H, W] each."""
    y, x = np.mgrid[0 : shape[0], 0 : shape[1]].astype(np.float32)
    return x, y


def camera(scene: Pixels, rng: np.random.Generator) -> NDArray[np.uint8]:
    """The scene in some light, with a slight cast and noise: uint8 [H, W, 3]."""
    scene = scene * rng.uniform(0.65, 1.1) * rng.normal(1.0, 0.05, 3)
    return np.asarray(scene + rng.normal(0, rng.uniform(1, 5), scene.shape)).clip(0, 255).astype(np.uint8)
