"""Scenes of things that lie about, with their boxes and masks: for detection, segmentation and classification.

Each deployment bug has something to destroy: red and blue twins (channel order), twins that point up and down, ribs that
stand or lie (rotation), boxes (crop), and weaves of one-pixel threads, which only an antialiased resize averages to plain cloth:
nearest turns them into ribs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lab import paint

if TYPE_CHECKING:
    from numpy.typing import NDArray

SHAPE = (96, 128)
"""Height and width of a scene."""
CLASSES = ("red up", "red down", "blue up", "blue down", "ribs", "weave")
_RED, _BLUE, _GREEN = (200.0, 40.0, 40.0), (40.0, 70.0, 205.0), (60.0, 150.0, 60.0)
_ARROW = ((0.0, -1.0), (0.85, 0.8), (0.0, 0.35), (-0.85, 0.8))
_SQUARE = ((-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9))


@dataclass(frozen=True)
class Thing:
    """One object: its class, its box (top, left, bottom, right; fractions of height and width), and which pixels are its own."""

    label: int
    box: tuple[float, float, float, float]
    mask: NDArray[np.bool_]


@dataclass(frozen=True)
class Scene:
    """A picture, uint8 [96, 128, 3] RGB, and all that counts in it."""

    picture: NDArray[np.uint8]
    things: tuple[Thing, ...]

    def classes(self) -> NDArray[np.uint8]:
        """Class of each pixel: uint8 [96, 128]; 0 is background, a thing's is its label plus 1."""
        out = np.zeros(SHAPE, np.uint8)
        for thing in self.things:
            out[thing.mask] = thing.label + 1
        return out


def draw(rng: np.random.Generator, label: int | None = None) -> Scene:
    """One to three things and up to two that are none (lying ribs, arrows to the side); just one thing of class
    `label`, near the middle, if that is given.
    """
    picture = paint.backdrop(SHAPE, rng)
    wanted = [label] if label is not None else [int(v) for v in rng.integers(0, len(CLASSES), rng.integers(1, 4))]
    kinds = [*wanted, *([-1] * int(rng.integers(0, 3)))]
    taken: list[tuple[float, float, float]] = []
    things: list[Thing] = []
    for position, kind in enumerate(kinds):
        place = _place(rng, taken, middle=label is not None and position == 0)
        if place is None:
            continue
        taken.append(place)
        picture, mask = _put(picture, kind, place, rng)
        if kind >= 0:
            things.append(Thing(kind, _box(mask), mask))
    return Scene(paint.camera(picture, rng), tuple(things))


def _place(
    rng: np.random.Generator, taken: list[tuple[float, float, float]], *, middle: bool
) -> tuple[float, float, float] | None:
    """x, y and radius of a free spot; None where none was found."""
    height, width = SHAPE
    for _ in range(20):
        radius = rng.uniform(11, 22)
        if middle:
            return width / 2 + rng.uniform(-16, 16), height / 2 + rng.uniform(-12, 12), radius
        x, y = rng.uniform(radius, width - radius), rng.uniform(radius, height - radius)
        if all(np.hypot(x - u, y - v) > 1.15 * (radius + r) for u, v, r in taken):
            return x, y, radius
    return None


def _put(
    picture: Any, kind: int, place: tuple[float, float, float], rng: np.random.Generator
) -> tuple[Any, NDArray[np.bool_]]:
    """The picture with a thing in it, and the pixels it covers."""
    x, y, radius = place
    tilt = rng.normal(0, 5)
    decoy = int(rng.integers(0, 2)) if kind < 0 else -1
    if 0 <= kind < 4 or decoy == 0:
        turn = (180.0 if kind % 2 else 0.0) if kind >= 0 else float(rng.choice((90, 270)))
        color = (_RED, _BLUE)[kind // 2] if kind >= 0 else (_RED, _BLUE, _GREEN)[int(rng.integers(0, 3))]
        mask = paint.polygon(SHAPE, paint.turned(_ARROW, turn + tilt, x, y, radius))
        return paint.over(picture, paint.jitter(color, rng, 24), mask), mask[..., 0] > 0.5
    mask = paint.polygon(SHAPE, paint.turned(_SQUARE, tilt, x, y, radius * 0.9))
    across, down = paint.grid(SHAPE)
    if kind == 4:
        wave = np.cos(2 * np.pi * across / rng.uniform(6, 10) + rng.uniform(0, 6)) * rng.uniform(35, 60)
    elif decoy == 1:
        wave = np.cos(2 * np.pi * down / rng.uniform(6, 10) + rng.uniform(0, 6)) * rng.uniform(35, 60)
    else:
        wave = np.cos(2 * np.pi * (across + 0.5) / rng.uniform(2.0, 2.2) + rng.uniform(0, 0.6)) * rng.uniform(40, 65)
    cloth = paint.jitter((130, 128, 124), rng, 10) + wave[..., None]
    return paint.over(picture, cloth, mask), mask[..., 0] > 0.5


def _box(mask: NDArray[np.bool_]) -> tuple[float, float, float, float]:
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    height, width = SHAPE
    return (
        float(rows[0] / height),
        float(columns[0] / width),
        float((rows[-1] + 1) / height),
        float((columns[-1] + 1) / width),
    )
