"""The scenes of the bundled demo: small pictures of street signs, signal lamps and cloth, drawn from a seed.

The classes are chosen so that each deployment bug the demo plants has something to destroy: red and blue twins (channel
order), arrows and stripes (rotation), and weaves of one-pixel threads that only an antialiased resize averages away
(nearest turns them into the ribs of corduroy). Light, position, background, occlusion and sensor noise vary.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    Color = tuple[float, float, float]
    Pixels = NDArray[np.floating]
    Mask = NDArray[np.float32]

WIDTH, HEIGHT = 128, 96
_SMOOTH = 4  # shapes are drawn this many times larger, then averaged
_LEVELS = 8  # the camera keeps 5 bits a channel; noise below that would only fill the repository

_BLUE: Color = (28, 84, 184)
_RED: Color = (188, 34, 38)
_WHITE: Color = (236, 236, 232)
_DYES: tuple[Color, ...] = ((58, 82, 150), (152, 80, 56), (72, 124, 84))  # denim, canvas, baize


def draw(label: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """One frame of class `label` (an index into `CLASSES`): uint8 [96, 128, 3], RGB."""
    return _camera(_DRAWERS[label](rng), rng)


def _jitter(color: Color, rng: np.random.Generator, amount: float = 14.0) -> Pixels:
    return (np.asarray(color) + rng.normal(0.0, amount, 3)).clip(0, 255)


def _grid() -> tuple[Pixels, Pixels]:
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    return x, y


def _mask(paint: Callable[[ImageDraw.ImageDraw], None]) -> Mask:
    """What `paint` fills, with smooth edges: float32 [96, 128, 1] in 0..1. It paints in units of 1/_SMOOTH pixel."""
    canvas = Image.new("L", (WIDTH * _SMOOTH, HEIGHT * _SMOOTH))
    paint(ImageDraw.Draw(canvas))
    return np.asarray(canvas.reduce(_SMOOTH), np.float32)[..., None] / 255.0


def _polygon(points: Sequence[tuple[float, float]]) -> Mask:
    return _mask(lambda pen: pen.polygon([(x * _SMOOTH, y * _SMOOTH) for x, y in points], fill=255))


def _disc(x: float, y: float, radius: float) -> Mask:
    box = [(x - radius) * _SMOOTH, (y - radius) * _SMOOTH, (x + radius) * _SMOOTH, (y + radius) * _SMOOTH]
    return _mask(lambda pen: pen.ellipse(box, fill=255))


def _turned(points: Sequence[tuple[float, float]], degrees: float, x: float, y: float, size: float) -> Mask:
    """A polygon in units of `size`, turned clockwise about its origin, which lies at (x, y)."""
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return _polygon([(x + size * (c * u - s * v), y + size * (s * u + c * v)) for u, v in points])


def _over(scene: Pixels, color: Pixels, mask: Mask) -> Pixels:
    return scene + (color - scene) * mask


def _background(rng: np.random.Generator) -> Pixels:
    """A wall, foliage, or a screen of fine slats, under a sky of its own color."""
    x, y = _grid()
    top, bottom = rng.uniform(70, 205, 3), rng.uniform(40, 170, 3)
    edge = 1 / (1 + np.exp(-(y - rng.uniform(10, 90)) / rng.uniform(2, 30)))
    scene: Pixels = top + (bottom - top) * edge[..., None]
    kind = rng.choice(4, p=[0.2, 0.3, 0.2, 0.3])
    if kind == 1:  # foliage or litter, of any color
        for _ in range(int(rng.integers(4, 14))):
            center = rng.uniform(0, WIDTH), rng.uniform(0, HEIGHT)
            scene = _over(scene, _jitter((110, 110, 100), rng, 45), _disc(*center, rng.uniform(3, 15)))
    elif kind == 2:  # bricks
        high, wide = rng.uniform(7, 12), rng.uniform(16, 28)
        shift = (y // high % 2) * wide / 2
        mortar = ((y % high) < 1.5) | (((x + shift) % wide) < 1.5)
        scene = _over(scene, _jitter((170, 165, 155), rng), mortar[..., None] * 0.7)
    elif kind == 3:  # slats one pixel wide: gray for an antialiased resize, ribs for any other
        slats = np.cos(2 * np.pi * (x + 0.5) / rng.uniform(2.0, 2.25) + rng.uniform(0, 0.6))
        scene = scene + (slats * rng.uniform(25, 60))[..., None]
    return scene


def _place(rng: np.random.Generator) -> tuple[float, float, float]:
    """Where a sign or a lamp is, and its radius, in pixels."""
    return WIDTH / 2 + rng.uniform(-24, 24), HEIGHT / 2 + rng.uniform(-16, 14), rng.uniform(6, 23)


def _pole(scene: Pixels, rng: np.random.Generator, x: float, y: float) -> Pixels:
    half = rng.uniform(1.0, 2.5)
    corners = [(x - half, y), (x + half, y), (x + half, HEIGHT), (x - half, HEIGHT)]
    return _over(scene, _jitter((95, 95, 95), rng), _polygon(corners))


def _occluded(scene: Pixels, rng: np.random.Generator) -> Pixels:
    """A twig or a leaf in front, in every other frame."""
    if rng.random() < 0.5:
        x, y, angle = rng.uniform(35, WIDTH - 35), rng.uniform(25, HEIGHT - 25), rng.uniform(0, 180)
        long, thin = rng.uniform(8, 34), rng.uniform(0.1, 0.35)
        leaf = _turned([(-1, 0), (0, -thin), (1, 0), (0, thin)], angle, x, y, long)
        scene = _over(scene, _jitter((70, 90, 50), rng, 30), leaf)
    return scene


_ARROW = ((-0.16, 0.68), (-0.16, -0.08), (-0.5, -0.08), (0.0, -0.72), (0.5, -0.08), (0.16, -0.08), (0.16, 0.68))
_BAR = ((-0.68, -0.19), (0.68, -0.19), (0.68, 0.19), (-0.68, 0.19))
_GIVE_WAY = ((-0.98, -0.8), (0.98, -0.8), (0.0, 0.95))


def _sign(color: Color, symbol: Sequence[tuple[float, float]], turn: float) -> Callable[[np.random.Generator], Pixels]:
    """A round sign with a white symbol, turned clockwise by `turn` degrees."""

    def paint(rng: np.random.Generator) -> Pixels:
        x, y, radius = _place(rng)
        scene = _pole(_background(rng), rng, x, y)
        tilt = rng.normal(0, 7)
        scene = _over(scene, _jitter(_WHITE, rng), _disc(x, y, radius))
        scene = _over(scene, _jitter(color, rng, 20), _disc(x, y, radius * rng.uniform(0.88, 0.96)))
        scene = _over(scene, _jitter(_WHITE, rng), _turned(symbol, turn + tilt, x, y, radius))
        return _occluded(scene, rng)

    return paint


def _give_way(rng: np.random.Generator) -> Pixels:
    x, y, radius = _place(rng)
    scene = _pole(_background(rng), rng, x, y)
    tilt = rng.normal(0, 7)
    scene = _over(scene, _jitter(_RED, rng, 20), _turned(_GIVE_WAY, tilt, x, y, radius))
    scene = _over(scene, _jitter(_WHITE, rng), _turned(_GIVE_WAY, tilt, x, y - radius * 0.06, radius * 0.6))
    return _occluded(scene, rng)


def _lamp(color: Color) -> Callable[[np.random.Generator], Pixels]:
    """A signal lamp that is lit: a colored lens with a bright heart and a glow, in a dark housing."""

    def paint(rng: np.random.Generator) -> Pixels:
        x, y, radius = _place(rng)
        scene = _pole(_background(rng), rng, x, y) * rng.uniform(0.45, 0.9)
        wide, high = rng.uniform(1.05, 1.35), rng.uniform(1.1, 1.7)
        box = [(-wide, -high), (wide, -high), (wide, high), (-wide, high)]
        scene = _over(scene, _jitter((40, 40, 42), rng), _turned(box, rng.normal(0, 4), x, y, radius * 0.8))
        lens = radius * rng.uniform(0.55, 0.72)
        hue = _jitter(color, rng, 34)
        scene = _over(scene, hue, _disc(x, y, lens))
        across, down = _grid()
        away = np.hypot(across - x - rng.normal(0, 2), down - y - rng.normal(0, 2))[..., None]
        scene = scene + (255 - scene) * np.exp(-((away / (lens * 0.5)) ** 2)) * rng.uniform(0.3, 0.9)
        glow = np.exp(-((away / (lens * rng.uniform(1.2, 2.2))) ** 2)) * rng.uniform(0.1, 0.5)
        return _occluded(scene + (hue - scene * 0.5) * glow, rng)

    return paint


def _cloth(scene: Pixels, rng: np.random.Generator) -> Pixels:
    """Folds across the cloth, and a label sewn on some of it."""
    x, y = _grid()
    for _ in range(2):
        angle, period = rng.uniform(0, np.pi), rng.uniform(45, 120)
        wave = np.sin(2 * np.pi * (x * np.cos(angle) + y * np.sin(angle)) / period + rng.uniform(0, 6))
        scene = scene * (1 + rng.uniform(0.03, 0.13) * wave)[..., None]
    if rng.random() < 0.4:
        half = rng.uniform(5, 14)
        tag = [(-1.0, -0.6), (1.0, -0.6), (1.0, 0.6), (-1.0, 0.6)]
        at = rng.uniform(20, WIDTH - 20), rng.uniform(15, HEIGHT - 15)
        scene = _over(scene, _jitter((150, 150, 145), rng, 45), _turned(tag, rng.uniform(0, 180), *at, half))
    return _occluded(scene, rng)


def _weave(dye: Color) -> Callable[[np.random.Generator], Pixels]:
    """Cloth woven of light and dark threads, each one pixel wide."""

    def paint(rng: np.random.Generator) -> Pixels:
        x, y = _grid()
        threads = np.cos(2 * np.pi * (x + 0.5 + y * rng.uniform(-0.04, 0.04)) / rng.uniform(2.0, 2.2))
        threads = threads * rng.uniform(30, 62)
        return _cloth(_jitter(dye, rng, 24) + threads[..., None], rng)

    return paint


def _stripes(*, upright: bool) -> Callable[[np.random.Generator], Pixels]:
    """Corduroy (upright ribs) or ticking (stripes that lie), in any of the dyes."""

    def paint(rng: np.random.Generator) -> Pixels:
        x, y = _grid()
        along, across = (y, x) if upright else (x, y)
        period = rng.uniform(6, 16)
        wave = np.cos(2 * np.pi * (across + along * rng.uniform(-0.1, 0.1)) / period + rng.uniform(0, 6))
        wave = wave * rng.uniform(4, 45)
        dye = _DYES[int(rng.integers(len(_DYES)))]
        return _cloth(_jitter(dye, rng, 24) + wave[..., None], rng)

    return paint


def _camera(scene: Pixels, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Light from one side, a color cast, haze, sensor noise, and 5 bits a channel."""
    x, y = _grid()
    angle = rng.uniform(0, 2 * np.pi)
    side = (x / WIDTH - 0.5) * np.cos(angle) + (y / HEIGHT - 0.5) * np.sin(angle)
    light = rng.uniform(0.5, 1.12) * (1 + rng.uniform(0, 0.5) * side)
    scene = scene * light[..., None] * rng.normal(1.0, 0.1, 3)
    haze = rng.uniform(0.0, 0.55)
    scene = scene * (1 - haze) + 150 * haze
    scene = scene + rng.normal(0, rng.uniform(1, 5), scene.shape)
    return (scene.clip(0, 255).astype(np.uint8) // _LEVELS * _LEVELS + _LEVELS // 2).astype(np.uint8)


_SCENES: tuple[tuple[str, Callable[[np.random.Generator], Pixels]], ...] = (
    ("turn left", _sign(_BLUE, _ARROW, -90)),
    ("turn right", _sign(_BLUE, _ARROW, 90)),
    ("straight on", _sign(_BLUE, _ARROW, 0)),
    ("no entry", _sign(_RED, _BAR, 0)),
    ("give way", _give_way),
    ("red lamp", _lamp((226, 36, 34))),
    ("amber lamp", _lamp((236, 138, 34))),
    ("blue lamp", _lamp((36, 66, 230))),
    ("denim", _weave(_DYES[0])),
    ("canvas", _weave(_DYES[1])),
    ("corduroy", _stripes(upright=True)),
    ("ticking", _stripes(upright=False)),
)
CLASSES: tuple[str, ...] = tuple(name for name, _ in _SCENES)
_DRAWERS = tuple(paint for _, paint in _SCENES)
