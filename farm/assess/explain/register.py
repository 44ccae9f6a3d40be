"""Which part of the raw picture the device's input shows, and which way up: found on small pictures, whatever the colors are.

The score asks how much of the device's cells a linear map of the raw picture's cells explains (all channels at once), so that
it is the same for channels in another order, other ranges, and a camera's wrong matrix. With each channel goes the share of
its values over 127, by which bytes that wrapped around are linear too.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from farm.assess.explain import views

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from farm.assess.explain.views import Fit, Picture

    Array = np.ndarray[Any, Any]
    Part = tuple[float, float, float, float]
    """top, left, height, width in fractions."""

SMALL = 192
"""Longer side of the pictures that are searched."""
CELLS, FEW_CELLS = 24, 8
"""Along each side of the model's input; few of them see no fine texture, which only its very place agrees with."""
SIDES = np.linspace(1, 0.3, 71)
"""Fractions that are tried before the best are refined."""
SHIFTS = 0.05
"""Of a part elsewhere, between one that is tried and the next, as a fraction of the side."""
OFF_CENTER = 0.12
"""When the best crop in the middle leaves more than this, others are tried."""


@dataclass(frozen=True)
class Place:
    """A hypothesis: which turn, and which part of each picture."""

    turn: int
    exif: bool
    fit: Fit
    kind: str = "expected"
    """`expected`; `part`: `values` of the picture; in the middle, the fraction `values[0]` of each side (`centre`), or of the
    shorter one (`square`)."""
    values: tuple[float, ...] = ()


@dataclass(frozen=True)
class Found:
    """A place and the share of the device's variance that it leaves; `layout` counts the layouts that were given."""

    left: float
    layout: int
    place: Place


class Register:
    """f pictures, and the device's inputs for them under some layouts.

    `devices[layout][f]` is (values [h, w, c], known [h, w]), as numbers of any unit. `crop` gives the expected part of a picture
    of some height and width, as fractions.
    """

    def __init__(
        self,
        pictures: Sequence[Picture],
        devices: Sequence[Sequence[tuple[Array, Array]]],
        crop: Callable[[int, int], Part],
        stride: int = 0,
        count: int = CELLS,
    ) -> None:
        self._pictures, self._crop, self._stride, self._devices = pictures, crop, stride, devices
        self._shape = devices[0][0][0].shape[:2]
        self._count = count
        self._cells = [[_cells(values, known, count) for values, known in frames] for frames in devices]
        self._tables: dict[tuple[int, int, bool], Array] = {}

    def _blurred(self) -> Register:
        """The same, looked at from afar."""
        far = Register(self._pictures, self._devices, self._crop, self._stride, FEW_CELLS)
        far._tables = self._tables
        return far

    def score(self, layouts: Sequence[int], places: Sequence[Place]) -> list[Found]:
        """Of each layout with each place; the places share turn, EXIF and fit."""
        channels = self._cells[0][0][0].shape[-1]
        gram = np.zeros((len(layouts), len(places), 7, 7))
        cross = np.zeros((len(layouts), len(places), 7, channels))
        sums = np.zeros((len(layouts), len(places), 3, channels))
        for f in range(len(self._pictures)):
            x, inside = self._seen(f, places)  # [p, cells, 7], [p, cells]
            for i, layout in enumerate(layouts):
                y, known = self._cells[layout][f]
                use = (inside & known).astype(np.float64)
                held = x * use[..., None]
                gram[i] += held.transpose(0, 2, 1) @ x
                cross[i] += held.transpose(0, 2, 1) @ y
                sums[i] += np.stack([np.repeat(use.sum(1)[:, None], channels, 1), use @ y, use @ (y * y)], 1)
        n = np.maximum(sums[:, :, 0], 1)
        variance = sums[:, :, 2] - sums[:, :, 1] ** 2 / n
        ridge = 1e-7 * np.trace(gram, axis1=2, axis2=3)[..., None, None] / 7 + 1e-12
        slope = np.linalg.solve(gram + ridge * np.eye(7), cross)
        left = sums[:, :, 2] - 2 * (slope * cross).sum(2) + (slope * (gram @ slope)).sum(2)
        varied = variance > 1e-9 * np.maximum(sums[:, :, 2], 1e-300)  # a constant channel says nothing about places
        share = np.where(varied, np.clip(left / np.where(varied, variance, 1), 0, 1), 0).sum(2)
        score = np.where(varied.any(2) & (sums[:, :, 0, 0] > 50), share / np.maximum(varied.sum(2), 1), 1.0)
        return [
            Found(float(score[i, j]), layout, place)
            for i, layout in enumerate(layouts)
            for j, place in enumerate(places)
        ]

    def first(self, turns: Sequence[tuple[int, bool]], fits: Sequence[Fit]) -> list[Found]:
        """The expected part, turned in every way, under every layout; best first."""
        layouts = range(len(self._cells))
        found = [f for (t, e), fit in itertools.product(turns, fits) for f in self.score(layouts, [Place(t, e, fit)])]
        return sorted(found, key=lambda f: f.left)

    def wide(self, first: Sequence[Found], turns: Sequence[tuple[int, bool]], fits: Sequence[Fit]) -> list[Found]:
        """Any part: the best place of each layout, turn and way to fit; best first."""
        layouts = sorted({0, *list(dict.fromkeys(f.layout for f in first))[:3]})
        found = list(first)
        far, scanned = self._blurred(), []
        for (t, e), fit in itertools.product(turns, fits):
            places = [Place(t, e, fit, "part", _middle(s)) for s in SIDES[::3]]
            places += [Place(t, e, fit, "centre", (float(s),)) for s in SIDES]
            places += [Place(t, e, fit, "square", (float(s),)) for s in SIDES[:60:3]]
            scanned += far.score(layouts, places)
        ranked = _distinct(scanned)
        for layout in layouts:
            best = [f for f in ranked if f.layout == layout][: 12 if layout == 0 else 4]
            found += [self.score([f.layout], [far._refined(f).place])[0] for f in best]
        # Of a wrong layout, a flat part explains much by chance.
        if min(f.left for f in found if f.layout == 0) > OFF_CENTER:
            likely = {0, *list(dict.fromkeys(f.layout for f in sorted(found, key=lambda f: f.left)))[:2]}
            found += self._elsewhere(sorted(likely), turns, fits)
        # A wrong layout has little to explain in its cells, so that scores of layouts compare badly before they are refined.
        ranked = _distinct(found)
        few = [f for layout in layouts for f in [f for f in ranked if f.layout == layout][: 6 if layout == 0 else 2]]
        return _distinct([self._refined(f) for f in few] + list(first))

    def _elsewhere(self, layouts: Sequence[int], turns: Sequence[tuple[int, bool]], fits: Sequence[Fit]) -> list[Found]:
        """Parts that are not in the middle: found from afar, where a texture does not hide them."""
        parts = [
            (float(y), float(x), s, s)
            for s in (0.9, 0.8, 0.7, 0.6, 0.5, 0.4)
            for y, x in itertools.product(np.linspace(0, 1 - s, 1 + round((1 - s) / SHIFTS)), repeat=2)
        ]
        far, found = self._blurred(), []
        for (t, e), fit in itertools.product(turns, fits):
            scored = far.score(layouts, [Place(t, e, fit, "part", p) for p in parts])
            found += [min((f for f in scored if f.layout == n), key=lambda f: f.left) for n in layouts]
        near = sorted((far._refined(f) for f in sorted(found, key=lambda f: f.left)[:12]), key=lambda f: f.left)[:6]
        return [self.score([f.layout], [f.place])[0] for f in near]

    def _refined(self, found: Found) -> Found:
        """The best place near one, to a fraction of a cell."""
        place = found.place
        if place.kind in {"square", "centre"}:
            best, step = found, 0.012
            while step > 0.0008:
                sides = [s for s in (best.place.values[0] - step, best.place.values[0] + step) if 0.1 < s <= 1]
                near = [Place(place.turn, place.exif, place.fit, place.kind, (s,)) for s in sides]
                best, step = _better(best, self.score([found.layout], near), step)
            return best
        if place.kind == "expected":
            place = Place(place.turn, place.exif, place.fit, "part", self.expected(place))
        best, step = self.score([found.layout], [place])[0], 0.016
        while step > 0.0006:
            near = [
                Place(place.turn, place.exif, place.fit, "part", (y, x, h, w))
                for y, x, h, w in np.array(best.place.values) + step * _MOVES
                if min(y, x) >= -1e-9 and max(y + h, x + w) <= 1 + 1e-9
            ]
            best, step = _better(best, self.score([found.layout], near), step)
        return best

    def expected(self, place: Place) -> Part:
        """The part that was expected, of the first picture."""
        return self._crop(*self._pictures[0].size(place.turn, exif=place.exif))

    def _seen(self, f: int, places: Sequence[Place]) -> tuple[Array, Array]:
        """Cells [places, count * count, 7] of the raw picture (the last is 1), and which of them lie in the content."""
        first, picture = places[0], self._pictures[f]
        h, w = picture.size(first.turn, exif=first.exif)
        parts = np.array([self._part(place, h, w) for place in places])
        height, width = self._shape
        boxes = [
            views.content((0, max(1, round(p[2] * h)), 0, max(1, round(p[3] * w))), first.fit, height, width)
            for p in parts
        ]
        edges = np.arange(self._count + 1) / self._count
        ends = np.array(boxes, np.float64)
        down = (edges * height - ends[:, :1]) / (ends[:, 1:2] - ends[:, :1])
        across = (edges * width - ends[:, 2:3]) / (ends[:, 3:] - ends[:, 2:3])
        y = np.clip(parts[:, :1] + down * parts[:, 2:3], 0, 1)
        x = np.clip(parts[:, 1:2] + across * parts[:, 3:], 0, 1)
        sums = _integral(self._table(f, first.turn, exif=first.exif), y, x)
        areas = np.diff(y, axis=1)[:, :, None] * np.diff(x, axis=1)[:, None]
        rows, columns = ((a[:, :-1] >= -1e-6) & (a[:, 1:] <= 1 + 1e-6) for a in (down, across))
        inside = rows[:, :, None] & columns[:, None] & (areas > 0)
        cells = np.diff(np.diff(sums, axis=1), axis=2) / np.maximum(areas, 1e-12)[..., None]
        cells[~inside] = 0
        cells = np.concatenate([cells, np.ones((*cells.shape[:3], 1))], -1)
        return cells.reshape(len(places), -1, 7), inside.reshape(len(places), -1)

    def _part(self, place: Place, h: int, w: int) -> tuple[float, ...]:
        if place.kind == "part":
            return place.values
        if place.kind == "expected":
            return self._crop(h, w)
        if place.kind == "centre":
            return _middle(place.values[0])
        side = place.values[0] * min(h, w)
        return (1 - side / h) / 2, (1 - side / w) / 2, side / h, side / w

    def _table(self, f: int, turn: int, *, exif: bool) -> Array:
        """Integral of the small picture over [0, 1] x [0, 1]: [h + 1, w + 1, 6]."""
        key = (f, turn, exif)
        if key not in self._tables:
            if (f, 0, exif) not in self._tables or turn == 0:
                raw = self._pictures[f].raw(turn=0, exif=exif, stride=self._stride)
                scale = min(1.0, SMALL / max(raw.shape[:2]))
                size = max(1, round(raw.shape[1] * scale)), max(1, round(raw.shape[0] * scale))
                made = Image.fromarray(raw).resize(size, Image.Resampling.BOX, reducing_gap=2.0)
                self._tables[f, 0, exif] = _table(np.asarray(made, np.float64))
            if turn:
                upright = np.diff(np.diff(self._tables[f, 0, exif], axis=0), axis=1)
                self._tables[key] = _table(views.turned(upright, turn)[..., :3] * (upright.shape[0] * upright.shape[1]))
        return self._tables[key]


def _table(small: Array) -> Array:
    both = np.concatenate([small, 255.0 * (small > 127)], -1)
    table = np.zeros((small.shape[0] + 1, small.shape[1] + 1, both.shape[2]))
    table[1:, 1:] = both.cumsum(0).cumsum(1) / (small.shape[0] * small.shape[1])
    return table


_MOVES = np.array([
    *(np.eye(4)), *(-np.eye(4)),
    (1, 1, -2, -2), (-1, -1, 2, 2), (1, 0, -2, 0), (-1, 0, 2, 0), (0, 1, 0, -2), (0, -1, 0, 2),
    (1, 0, -1, 0), (-1, 0, 1, 0), (0, 1, 0, -1), (0, -1, 0, 1), (0, 0, 1, 1), (0, 0, -1, -1),
    (1, 1, -1, -1), (-1, -1, 1, 1), (1, 0, -1, -1), (-1, 0, 1, 1), (0, 1, -1, -1), (0, -1, 1, 1),
])  # fmt: skip
"""Of top, left, height, width: each alone, zooms about the middle and about each corner, and each side alone."""


def _better(best: Found, near: Sequence[Found], step: float) -> tuple[Found, float]:
    nearest = min(near, key=lambda f: f.left, default=best)
    return (nearest, step) if nearest.left < best.left - 1e-9 else (best, step / 2)


def _middle(side: float) -> Part:
    side = float(side)
    return (1 - side) / 2, (1 - side) / 2, side, side


def _distinct(found: Sequence[Found]) -> list[Found]:
    best: dict[tuple[object, ...], Found] = {}
    for f in sorted(found, key=lambda f: f.left):
        best.setdefault((f.layout, f.place.turn, f.place.exif, f.place.fit, f.place.kind), f)
    return list(best.values())


def _integral(table: Array, y: Array, x: Array) -> Array:
    """The integral up to each of the fractions `y` [p, n] and `x` [p, m]: [p, n, m, 6]."""
    at_y, at_x = y * (table.shape[0] - 1), x * (table.shape[1] - 1)
    row, column = (
        np.minimum(a.astype(np.int64), size - 2) for a, size in ((at_y, table.shape[0]), (at_x, table.shape[1]))
    )
    v, u = (at_y - row)[:, :, None, None], (at_x - column)[:, None, :, None]
    width = table.shape[1]
    flat, first = table.reshape(-1, table.shape[2]), row[:, :, None] * width + column[:, None, :]
    top, bottom = (flat.take(at, 0) for at in (first, first + width))
    top += (flat.take(first + 1, 0) - top) * u
    bottom += (flat.take(first + width + 1, 0) - bottom) * u
    bottom -= top
    bottom *= v
    result: Array = top + bottom
    return result


def _cells(values: Array, known: Array, count: int) -> tuple[Array, Array]:
    """Means of a picture's cells [count * count, c], and which of them are known wholly."""
    finite = np.isfinite(values).all(-1) & known
    filled = np.where(finite[..., None], values, 0.0)
    low, high = np.percentile(filled[finite], [2, 98]) if finite.any() else (0.0, 1.0)
    reach = 3 * max(high - low, 1e-30)
    filled = np.clip(filled, low - reach, high + reach)
    means, seen = (_mean_cells(a, count) for a in (filled, finite[..., None].astype(np.float64)))
    return means.reshape(-1, values.shape[-1]), seen.ravel() > 0.999


def _mean_cells(values: Array, count: int) -> Array:
    for axis in (0, 1):
        total = np.concatenate([np.zeros_like(values.take([0], axis)), values.cumsum(axis)], axis)
        at = np.arange(count + 1) / count * values.shape[axis]
        low = np.minimum(at.astype(np.int64), values.shape[axis] - 1)
        weight = (at - low).reshape([-1 if a == axis else 1 for a in range(values.ndim)])
        edges = total.take(low, axis) * (1 - weight) + total.take(low + 1, axis) * weight
        values = np.diff(edges, axis=axis) * (count / values.shape[axis])
    return values
