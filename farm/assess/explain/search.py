"""From places to views: which kernel, which pixels exactly, which camera mistake; on a few pictures, before all are looked at."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from farm.assess.explain import camera, kernels, moments, views

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from farm.assess.explain.fed import Device
    from farm.assess.explain.register import Found, Place
    from farm.assess.explain.views import Crop, Picture, Size, View

    Array = np.ndarray[Any, Any]
    Sequences = Sequence[tuple[camera.Mistake, ...]]

HOPELESS = 0.12
"""What a part leaves that no pixel more or less mends."""
HOPELESS_WRAPPED, COARSE = 0.3, 0.016
"""The same, and the first step as a fraction of the side, where bytes that wrapped around let cells tell a place but roughly."""
FINE = 0.0016
"""First step from a place that cells told well."""
SHORT = 5
"""Views that go on to the next round."""
LIKELY = 2
"""Kernels of a part that is not known to the pixel yet."""
PIXELS = 1.2
"""Of the model's input, by which the size of a crop in the middle may be off before it is looked at closely."""
NEARER = 0.95
"""What a camera's mistake may leave of what none leaves, to be looked into."""
LARGE = 3 << 20
"""Pixels above which a picture is seldom taken through a camera's arithmetic."""
SAMPLES = 20_000
"""Pixels of all pictures that a score looks at."""


@dataclass(frozen=True)
class Scored:
    """A view under a layout."""

    left: float
    """RMSE / span that the best linear map of its channels leaves."""
    nearest: float
    """What the best map of `values` leaves, which is more."""
    layout: int
    view: View

    @property
    def mixed(self) -> bool:
        """The channels are mixed, as a camera's mistake does."""
        return self.left < 0.06 and self.left < 0.75 * self.nearest


class Search:
    """On some of all frames. `devices[layout]` holds those same frames; `expected` gives the right view for a turn and EXIF."""

    def __init__(
        self,
        pictures: Sequence[Picture],
        devices: Sequence[Device],
        expected: Callable[[int, bool], View],
        deployed: float,
    ) -> None:
        self._pictures, self._devices, self._expected = pictures, devices, expected
        self._deployed = deployed
        self._shape = devices[0].values[0].shape[:2]
        self._known: dict[tuple[int, View], Scored] = {}

    def floor(self, layout: int) -> float:
        """What rounding leaves, with room to spare."""
        device = self._devices[layout]
        return float(np.mean((device.step**2 / 12 + 0.5) / device.span**2) ** 0.5)

    def good(self, known: Sequence[Scored]) -> bool:
        """One of them may be right."""
        return any(s.left <= self.floor(s.layout) for s in known)

    def score(self, layout: int, view: View) -> Scored:
        """Of one view."""
        key = (layout, view)
        if key not in self._known:
            device = self._devices[layout]
            sums = self._moments(layout, view, range(len(self._pictures)))
            bound, nearest = moments.lower_bound(sums, device.span), moments.nearest(sums, device)
            self._known[key] = Scored(bound, nearest, layout, view)
        return self._known[key]

    def _moments(self, layout: int, view: View, frames: Sequence[int]) -> Array:
        return self._sums(layout, [self._pictures[f].render(view, *self._shape) for f in frames], frames)

    def _sums(self, layout: int, made: Sequence[views.Rendered], frames: Sequence[int]) -> Array:
        thin = max(1, len(frames) * self._shape[0] * self._shape[1] // SAMPLES) | 1
        return moments.moments(
            self._devices[layout].of(frames), [m.pixels for m in made], [m.shown for m in made], thin
        )

    def plain(self, near: Sequence[Found], stride: int) -> list[Scored]:
        """Views that are as expected but for the turn, the fit and the layout, of places found; best first."""
        plain = dict.fromkeys((f.layout, f.place.turn, f.place.exif, f.place.fit) for f in near)
        views = ((n, replace(self._expected(turn, exif), fit=fit, stride=stride)) for n, turn, exif, fit in plain)
        return self.best(self.score(n, view) for n, view in views)

    def views(self, found: Sequence[Found], sizes: Sequence[dict[tuple[bool, int], Size]], stride: int) -> list[Scored]:
        """The best views of the places found, best first."""
        best = found[0].left
        near = [f for f in found if f.left <= max(2 * best, best + 0.02)][: 4 if best < HOPELESS else 2]
        known: list[Scored] = []
        for f in near:
            known += self._fitted(f, [s[f.place.exif, f.place.turn % 2] for s in sizes], stride)
            if self.good(known):
                break
        return self.best(known)

    def best(self, known: Iterable[Scored]) -> list[Scored]:
        """Those that may be right, or are nearly as good as the best one."""
        ranked = sorted(dict.fromkeys(known), key=lambda s: s.left)
        # What a strange layout explains may be explained without.
        every = dict.fromkeys((*ranked, *(self.score(0, s.view) for s in ranked[:2])))
        ranked = sorted(every, key=lambda s: (s.left, s.layout))
        limit = 2.0 * ranked[0].left
        return [s for s in ranked if s.left <= max(limit, self.floor(s.layout))][:SHORT]

    def _fitted(self, found: Found, sizes: Sequence[Size], stride: int) -> list[Scored]:
        """Kernels and crops for one place."""
        place = found.place
        known: list[Scored] = []
        turned = replace(self._expected(place.turn, place.exif), fit=place.fit, stride=stride)
        for crop in self._crops(place, sizes):
            made = sorted(self._kernels(found.layout, replace(turned, crop=crop)), key=lambda s: s.left)
            known += made
            if self.good(known):
                return known
            if crop.kind == "centre" and crop.values[0] in (self._crop, self._deployed):
                continue
            if made[0].left > HOPELESS:
                if crop.kind != "part" or made[0].left > HOPELESS_WRAPPED:
                    continue
                starts = [self.score(found.layout, replace(turned, crop=c)) for c in (crop, _even(crop, sizes))]
                made = [min((self._exact(s, sizes, COARSE) for s in starts), key=lambda s: s.left)]
                if made[0].left > HOPELESS:
                    continue
            # A wrong kernel hides the right part, and a wrong part the right kernel.
            if crop.kind != "part" and made[0].view.kernel != turned.kernel:
                known.append(self._exact(self.score(found.layout, replace(turned, crop=crop)), sizes))
                if self.good(known):
                    return known
            exact = self._exact(made[0], sizes)
            known.append(self.polished(made[0] if crop.kind == "part" else exact))
            if self.good(known):
                return known
            made = sorted(self._kernels(found.layout, exact.view), key=lambda s: s.left)
            known += [exact, *made]
            if not self.good(known) and made[0].view.kernel != exact.view.kernel:
                known.append(self._exact(made[0], sizes))
            if not self.good(known):
                known.append(self.polished(min(known, key=lambda s: s.left)))
            if not self.good(known):
                known += self._evened(min(known, key=lambda s: s.left), sizes)
            if self.good(known):
                return known
        return known

    def _evened(self, scored: Scored, sizes: Sequence[Size]) -> list[Scored]:
        """With as much of one side as of the other, from where that leaves less: letterboxed, a part that lacks a strip is
        no worse than its neighbors."""
        if scored.view.crop.kind != "part":
            return []
        even = min((self._with(scored, c) for c in _evens(scored.view.crop, sizes)), key=lambda s: s.left)
        exact = self._exact(even, sizes)
        if exact.left >= scored.left:
            return []
        likely = sorted(self._kernels(scored.layout, exact.view), key=lambda s: s.left)[:LIKELY]
        return [self.polished(min((self._exact(s, sizes) for s in likely), key=lambda s: s.left))]

    @property
    def _crop(self) -> float:
        return self._expected(0, True).crop.values[0]

    def _crops(self, place: Place, sizes: Sequence[Size]) -> list[Crop]:
        crops = [views.centre(f, sizes) for f in dict.fromkeys((self._crop, self._deployed))]
        if place.kind == "square":
            crops.append(views.square(place.values[0], sizes))
        if place.kind == "centre":
            crops.append(views.centre(place.values[0], sizes))
        if place.kind == "part":
            top, left, height, width = map(float, place.values)
            if max(abs(height - width), abs(top * 2 + height - 1), abs(left * 2 + width - 1)) < 0.02:
                crops.append(views.centre(min(1.0, (height + width) / 2), sizes))
            # People cut at the borders, and as much of the height as of the width.
            free = views.part(top, left, height, width, sizes)
            crops.append(_even(free, sizes) if abs(height - width) < 0.012 else free)
        return crops

    def _kernels(self, layout: int, view: View) -> list[Scored]:
        found = []
        for kernel in kernels.KERNELS:
            found.append(self.score(layout, replace(view, kernel=kernel)))
            if view.turn and kernel in kernels.SKEW and self._shape[0] == self._shape[1]:
                found.append(self.score(layout, replace(view, kernel=kernel, late=True)))
        return found

    def _exact(self, scored: Scored, sizes: Sequence[Size], step: float = FINE) -> Scored:
        """The fractions of the part, to the pixel."""
        best, longest = scored, max(max(s) for s in sizes)
        if best.view.crop.kind != "part":
            # On a fine texture every pixel counts, and none leads to the next.
            make = views.centre if best.view.crop.kind == "centre" else views.square
            reach, middle = PIXELS / min(self._shape), best.view.crop.values[0]
            fractions = np.arange(middle - reach, middle + reach, max(0.12 / longest, reach / 25))
            crops = {c.boxes: c for f in fractions.tolist() if 0.05 < f <= 1 for c in [make(f, sizes)]}
            return min((scored, *(self._with(best, c) for c in crops.values())), key=lambda s: s.left)
        while step > 0.3 / longest:
            better = min(
                (self._with(best, c) for c in _near(best.view.crop, step, sizes)), key=lambda s: s.left, default=best
            )
            best, step = (better, step) if better.left < best.left else (best, step / 2)
        return best

    def _with(self, scored: Scored, crop: Crop) -> Scored:
        return self.score(scored.layout, replace(scored.view, crop=crop))

    def polished(self, scored: Scored) -> Scored:
        """The part of each picture by itself, to the pixel: fractions are rounded in more ways than one."""
        view, device = scored.view, self._devices[scored.layout]
        for f, picture in enumerate(self._pictures):
            h, w = picture.size(view.turn, exif=view.exif)
            best = self.alone(scored.layout, view, f, device)
            for _ in range(8):
                top, bottom, left, right = view.crop.boxes[picture.number]
                options = [
                    replace(view, crop=view.crop.moved(picture.number, (top + a, bottom + b, left + c, right + d)))
                    for a, b, c, d in _SIDES
                    if 0 <= top + a < bottom + b <= h and 0 <= left + c < right + d <= w
                ]
                scores = [self.alone(scored.layout, o, f, device) for o in options]
                if not scores or min(scores) >= best:
                    break
                best = min(scores)
                view = options[scores.index(best)]
        return self.score(scored.layout, view)

    def alone(self, layout: int, view: View, f: int, device: Device) -> float:
        """What one frame's best linear map leaves; filling that is not one value is part of a picture, and counts as well."""
        made = self._pictures[f].render(view, *self._shape)
        left = moments.lower_bound(self._sums(layout, [made], [f]), device.span)
        around = device.values[f][made.around & device.known[f]]
        if not len(around):
            return left
        uneven = float((around.var(0) / device.span**2).mean())
        return float((left**2 + uneven * len(around) / made.shown.sum()) ** 0.5) if made.shown.any() else 1.0

    def cameras(self, scored: Sequence[Scored], *, pairs: bool) -> list[Scored]:
        """Mistakes of a camera's arithmetic that may be behind views that are nearly right; `pairs`: two of them. None where
        no mistake comes nearer than no mistake.

        Ranked on the resized pictures; only the best are made of the raw ones, as the device does.
        """
        singles = [m for m in camera.mistakes() if len(m.kinds) == 1]
        sequences: Sequences = [(m,) for m in singles]
        if pairs:
            sequences = [(m,) for m in camera.mistakes() if len(m.kinds) > 1]
            sequences += [two for two in itertools.permutations(singles, 2) if two[0].kinds != two[1].kinds]
        options: list[tuple[float, Scored, tuple[camera.Mistake, ...]]] = []
        for s in scored[:2]:
            device, few = self._devices[s.layout], self._few(s)
            plain = self._fit_few(device, few, ())
            ranked = replace(s, view=replace(s.view, sheared_first=s.view.stride != 0))
            for sequence in sequences:
                made = self._fit_few(device, few, sequence)
                if any(m < NEARER * p for m, p in zip(made, plain, strict=True)):
                    options.append((made[0], ranked, sequence))
            if s.view.stride and not pairs:  # rows sheared after the mistake mix its colors: only making it tells
                tried = [(self.score(s.layout, replace(s.view, camera=(m,))), m) for m in singles]
                options += [(t.nearest, s, (m,)) for t, m in tried if t.nearest < NEARER * s.nearest]
        options.sort(key=lambda o: (o[0], len(o[2])))
        large = max(np.prod(p.size(0, exif=True)) for p in self._pictures) > LARGE
        found = []
        for _, s, sequence in options[: 2 if large else 3]:
            for sampling in camera.SUBSAMPLINGS[: 2 if large else None]:
                first = replace(sequence[0], subsampling=sampling)
                found.append(self.score(s.layout, replace(s.view, camera=(first, *sequence[1:]))))
        return sorted(found, key=lambda s: s.nearest)

    def subsampled(self, scored: Sequence[Scored]) -> list[Scored]:
        """Chroma of half the size, and nothing wrong."""
        plain = [camera.Mistake(subsampling=sampling) for sampling in camera.SUBSAMPLINGS[1:]]
        return sorted(
            (self.score(s.layout, replace(s.view, camera=(m,))) for s in scored[:1] for m in plain),
            key=lambda s: s.left,
        )

    def _few(self, scored: Scored) -> tuple[Array, Array, Array]:
        """Some pixels of the view [n, 1, 3], of the device, and which of the latter are inside."""
        device, found = self._devices[scored.layout], []
        for f, picture in enumerate(self._pictures):
            made = picture.render(scored.view, *self._shape)
            use = np.flatnonzero(made.shown & device.known[f])
            use = use[:: max(1, len(use) // 1500)]
            found.append([a.reshape(-1, 1, 3)[use] for a in (made.pixels, device.values[f], device.inside[f])])
        pixels, wanted, free = (np.concatenate([f[i] for f in found]) for i in range(3))
        return pixels, wanted, free

    def _fit_few(
        self, device: Device, few: tuple[Array, Array, Array], sequence: tuple[camera.Mistake, ...]
    ) -> tuple[float, float]:
        """What is left at best, and at best without numbers that are fitted: six of these hide a range in few colors."""
        pixels, wanted, free = few
        for mistake in sequence:
            pixels = mistake.apply(pixels)
        every = np.ones(wanted.shape[:2], bool)
        small = replace(device, values=(wanted,), known=(every,), inside=(free,))
        sums = moments.moments(small, [pixels], [every])
        return moments.nearest(sums, device), moments.nearest(sums, device, affine=False)


def _even(part: Crop, sizes: Sequence[Size]) -> Crop:
    """About the same part, with as much of the height as of the width; at a border where it is next to one."""
    top, left, height, width = part.values
    even = (height + width) / 2
    top, left = (
        0.0 if at < 0.006 else 1 - even if at + side > 0.994 else min(at + (side - even) / 2, 1 - even)
        for at, side in ((top, height), (left, width))
    )
    return views.part(top, left, even, even, sizes)


def _evens(part: Crop, sizes: Sequence[Size]) -> list[Crop]:
    """As much of each side as of the height, or as of the width; the other side's beginning, middle or end is kept."""
    top, left, height, width = part.values
    values = [(top + share * (height - width), left, width, width) for share in (0, 0.5, 1)]
    values += [(top, left + share * (width - height), height, height) for share in (0, 0.5, 1)]
    ends = [(min(max(y, 0.0), 1 - h), min(max(x, 0.0), 1 - w), h, w) for y, x, h, w in values]
    return [views.part(*four, sizes) for four in dict.fromkeys(ends)]


def _near(crop: Crop, step: float, sizes: Sequence[Size]) -> list[Crop]:
    """Crops a little larger, smaller, or elsewhere."""
    if crop.kind != "part":
        make = views.centre if crop.kind == "centre" else views.square
        return [make(v, sizes) for v in (crop.values[0] - step, crop.values[0] + step) if 0.05 < v <= 1]
    found = []
    for y, x, h, w in np.array(crop.values) + step * _MOVES:
        if min(y, x) >= -1e-9 and max(y + h, x + w) <= 1 + 1e-9:
            found.append(views.part(float(y), float(x), float(h), float(w), sizes))
    return found


_MOVES = np.array([
    (1, 0, 0, 0), (-1, 0, 0, 0), (0, 1, 0, 0), (0, -1, 0, 0), (0, 0, 1, 0), (0, 0, -1, 0), (0, 0, 0, 1), (0, 0, 0, -1),
    (1, 0, -1, 0), (-1, 0, 1, 0), (0, 1, 0, -1), (0, -1, 0, 1),
    (0, 0, 1, 1), (0, 0, -1, -1), (1, 1, -1, -1), (-1, -1, 1, 1), (1, 0, -1, -1), (-1, 0, 1, 1), (0, 1, -1, -1), (0, -1, 1, 1),
])  # fmt: skip
"""Of top, left, height, width: moved, either end alone, and sizes with one corner kept."""
_SIDES = tuple(move for move in itertools.product((-1, 0, 1), repeat=4) if 1 <= sum(map(abs, move)) <= 2)
"""Of top, bottom, left, right: one side or two."""
