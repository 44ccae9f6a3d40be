"""What the device did to pictures."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from farm.assess.explain import fed, moments, tensor, values, views, words
from farm.assess.explain import layout as layouts
from farm.assess.explain.engine import Candidate, InputEvidence
from farm.assess.explain.register import Register
from farm.assess.explain.search import LARGE, Scored, Search
from farm.assess.explain.views import Picture, View

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from farm.assess.explain.fed import Device
    from farm.assess.explain.layout import Layout
    from farm.assess.explain.register import Found
    from farm.assess.explain.seen import Seen
    from farm.model.recipe import Recipe
    from farm.report.explanation import Change

    Array = np.ndarray[Any, Any]

ROUNDING = 0.65
"""RMSE in pixel units that two right implementations leave: each rounds to 8 bits, once or twice."""
CAMERA_ROUNDING = 1.8
"""The same with a camera's YUV bytes on the way, which some converters cut off instead of rounding."""
PAD = 1.5
"""Pixel units that a letterbox's filling may be off."""
SEARCHED = 3
"""Pictures that the search looks at."""
HELD = 16 << 20
"""Pixels of decoded pictures that are kept."""
NEARLY = 0.05
"""RMSE / span of a view that may be right but for a camera's mistake: one of range mixes no channels, but cuts off."""
PIXEL_OFF = 12
"""Times the floor that a part leaves which may be right but for a pixel in some pictures."""
SHEARED = 0.08
"""RMSE / span that rows with a wrong stride leave at least, unless they are taken back."""
NEARLY_WRAPPED = 0.25
"""The same where bytes wrapped around after it: a small mistake is a large one next to 128."""
BARS = 0.02
"""Share of the model's side that filling must have to be taken for a letterbox's."""


Turn = tuple[int, bool]
"""As in `views.TURNS`, and whether EXIF is heeded."""


@dataclass(frozen=True)
class _Start:
    """Where the search begins for rows with some padding."""

    stride: int
    register: Register
    first: list[Found]
    plain: list[Scored]


def observe(seen: Seen) -> InputEvidence:
    """From the raw pictures, the logged inputs and the expected ones."""
    recipe, index = seen.recipe, seen.index
    shape = seen.expected[0][index].shape
    if recipe is None or len(shape) != 4 or shape[0] != 1 or shape[3] != 3:
        return tensor.observe(seen)
    stored = [d[index][0] for d in seen.device]
    normalize = np.asarray(recipe.normalize.mean), np.asarray(recipe.normalize.std)
    scales = (seen.tensor.scale[0], seen.tensor.zero_point[0]) if seen.tensor.scale else None
    every = [np.ones(shape[1:3], bool)] * len(stored)
    device = fed.device(stored, every, normalize, scales)
    expected = fed.device([e[index][0] for e in seen.expected], every, normalize, scales)
    plain = tensor.plain(device, expected.values, ROUNDING)
    hidden = tensor.hidden(expected)
    if seen.agrees.all():
        return InputEvidence(seen.agrees, (plain,), hidden=hidden)
    nothing = tensor.nothing_to_tell(seen, device, expected, plain)
    if nothing is not None:
        return nothing
    found = _Pictures(seen, recipe, stored, normalize, scales).candidates()
    return InputEvidence(seen.agrees, (plain, *(c for c in found if c.changes)), hidden=hidden)


class _Pictures:
    def __init__(
        self,
        seen: Seen,
        recipe: Recipe,
        stored: Sequence[Array],
        normalize: tuple[Array, Array],
        scales: tuple[float, int] | None,
    ) -> None:
        self._seen, self._recipe, self._stored = seen, recipe, stored
        self._shape = stored[0].shape[:2]
        self._normalize, self._scales = normalize, scales
        # Frames that agree say nothing about what is wrong; they are asked again at the end.
        wrong = [f for f in range(len(stored)) if not seen.agrees[f]]
        wrong.sort(key=lambda f: -_texture(seen.expected[f][seen.index][0]))
        self._chosen = sorted(wrong[:SEARCHED])
        self._sizes: list[dict[tuple[bool, int], views.Size]] = []
        self._pictures: list[Picture] = []
        self._tags: list[int] = []
        self._held: dict[int, Picture] = {}
        for f in range(len(stored)):
            picture = self._picture(f)
            self._sizes.append({(e, t): picture.size(t, exif=e) for e in (True, False) for t in (0, 1)})
            self._tags.append(picture.tag)
            if f in self._chosen:
                self._pictures.append(picture)
        large = [p for p in self._pictures if np.prod(p.size(0, exif=True)) > LARGE]
        if large:
            self._pictures = [large[0], *(p for p in self._pictures if p not in large)][:2]
            self._chosen = sorted(p.number for p in self._pictures)
            self._pictures.sort(key=lambda p: p.number)

    def _picture(self, f: int) -> Picture:
        """Kept only where all fit into memory together."""
        if f in self._held:
            return self._held[f]
        picture = Picture(self._seen.frames[f], f, self._seen.artifacts, self._recipe)
        if sum(np.prod(p.size(0, exif=True)) for p in self._held.values()) < HELD:
            self._held[f] = picture
        return picture

    def _device(self, layout: Layout, frames: Sequence[int]) -> Device:
        undone = [layout.undo(self._stored[f]) for f in frames]
        return fed.device([u[0] for u in undone], [u[1] for u in undone], self._normalize, self._scales)

    def _expected(self, turn: int, exif: bool) -> View:  # two words name a view
        sizes = [s[exif, turn % 2] for s in self._sizes]
        recipe = self._recipe
        return View(crop=views.centre(recipe.crop, sizes), kernel=recipe.resize, turn=turn, fit=recipe.fit, exif=exif)

    def candidates(self) -> list[Candidate]:
        """The explanations worth comparing: the plainest first, others only while nothing explains the input."""
        every = layouts.layouts([self._stored[f] for f in self._chosen])
        devices = [self._device(layout, self._chosen) for layout in every]
        deployed = self._seen.deployed.crop if self._seen.deployed is not None else self._recipe.crop
        search = Search(self._pictures, devices, self._expected, deployed)
        turns = [(t, e) for e in ((True, False) if any(self._tags) else (True,)) for t in range(8)]
        bars = self._recipe.fit == "letterbox" or any(
            _bars([layout.undo(self._stored[f])[0] for f in self._chosen]) for layout in every if not layout.padding
        )
        fits: list[views.Fit] = ["stretch", "letterbox", "letterbox-start"] if bars else ["stretch"]
        result: list[Candidate] = []
        for scored in self._rounds(search, devices, turns, fits):
            result += self._judged(every, scored)
            right = [c for c in result if c.sound and _fits(c)]
            if right and all("affine" in c.names for c in right):
                # Where there is little color, another range of a camera's looks like another normalization.
                bare = [search.score(s.layout, replace(s.view, camera=())) for s in scored]
                mistaken = any(s.view.camera for s in scored)
                result += self._judged(every, search.cameras(bare, pairs=mistaken)[:1])
            if right:
                return result
        return result

    def _rounds(
        self, search: Search, devices: Sequence[Device], turns: Sequence[Turn], fits: Sequence[views.Fit]
    ) -> Iterator[list[Scored]]:
        """Views to judge, in rounds: what costs little to look at first."""
        values = [list(zip(d.values, d.known, strict=True)) for d in devices]

        def started(stride: int) -> _Start:
            register = Register(self._pictures, values, self._part, stride)
            first = register.first(turns, fits)
            near = [f for f in first if f.left <= max(2.5 * first[0].left, first[0].left + 0.03)][:10]
            return _Start(stride, register, first, search.plain(near, stride))

        starts = [started(0)]
        yield from self._near(search, starts[0].plain)
        if starts[0].plain[0].left > SHEARED:
            starts += [started(stride) for stride in self._strides(devices[0], search, turns, fits)]
        for start in starts[1:]:
            yield from self._near(search, start.plain)
        for start in starts:
            yield from self._far(search, start, turns, fits)

    def _near(self, search: Search, plain: list[Scored]) -> Iterator[list[Scored]]:
        """The expected part and kernel."""
        if search.good(plain) or plain[0].left < 0.01:
            yield plain
        if plain[0].mixed or plain[0].left < NEARLY_WRAPPED:
            yield search.cameras(plain, pairs=False)[:2]
        if plain[0].left < NEARLY:
            yield search.subsampled(plain)[:1]

    def _far(
        self, search: Search, start: _Start, turns: Sequence[Turn], fits: Sequence[views.Fit]
    ) -> Iterator[list[Scored]]:
        """Any part and kernel."""
        fitted = search.views(start.register.wide(start.first, turns, fits), self._sizes, start.stride)
        yield fitted
        if fitted[0].mixed or (fitted[0].left < NEARLY and fitted[0] not in start.plain):
            yield search.cameras(fitted, pairs=False)[:2]
        for scored in (start.plain, fitted):
            if scored[0].mixed:
                yield search.cameras(scored, pairs=True)[:3]

    def _part(self, h: int, w: int) -> tuple[float, float, float, float]:
        top, bottom, left, right = views.centre(self._recipe.crop, [(h, w)]).boxes[0]
        return top / h, left / w, (bottom - top) / h, (right - left) / w

    def _strides(
        self, device: Device, search: Search, turns: Sequence[Turn], fits: Sequence[views.Fit]
    ) -> Iterator[int]:
        """Bytes of padding in the rows of the raw pictures that would shift the device's rows as they are shifted."""
        found: list[tuple[float, View]] = []
        for f, picture in enumerate(self._pictures):  # each of its own size
            down, across = layouts.slant([device.values[f]])
            for (turn, exif), fit in itertools.product(turns, fits):
                odd = turn % 2 == 1
                h, w = picture.size(turn, exif=exif)
                # Along a row of the camera's buffer, over down from row to row.
                ratio = (w / self._shape[1]) / (h / self._shape[0]) if fit == "stretch" else 1.0
                paddings = set[int]()
                for shift in across if odd else down:
                    middle = round(3 * abs(shift) * (1 / ratio if odd else ratio))
                    reach = max(4, middle // 6)
                    sign = int(np.sign(shift)) * (1 if (turn >= 4) == odd else -1)
                    paddings |= {sign * p for p in range(max(1, middle - reach), middle + reach + 1)}
                for p in sorted(paddings):
                    view = replace(self._expected(turn, exif), fit=fit, stride=p)
                    found.append((search.alone(0, view, f, device), view))
        best = dict.fromkeys(view for _, view in sorted(found, key=lambda pair: pair[0])[:8])
        ranked = sorted((search.score(0, view) for view in best), key=lambda s: s.left)
        yield from list(dict.fromkeys(s.view.stride for s in ranked))[:2]

    def _judged(self, every: Sequence[Layout], scored: Sequence[Scored]) -> list[Candidate]:
        """Candidates from views, over all frames."""
        found: list[Candidate] = []
        for s in scored:
            layout, view = every[s.layout], s.view
            if layout.padding:
                # Taken back, to find the place; told forward, since what comes later does not know of it.
                layout, view = replace(layout, padding=0), replace(view, fitted_stride=layout.padding)
            device = self._device(layout, range(len(self._stored)))
            made = self._of_view(layout, device, view)
            if view.crop.kind == "part" or view.crop.boxes != self._expected(view.turn, view.exif).crop.boxes:
                best, floor = min(((c.rmse(np.ones(len(c.sse))) / c.floor, c.floor) for c in made), default=(1.0, 0.0))
                if best > 1 and (best < PIXEL_OFF or s.left <= floor):  # a pixel off in some pictures
                    everywhere = [self._picture(f) for f in range(len(self._stored))]
                    search = Search(everywhere, [device], self._expected, 1.0)
                    made += self._of_view(layout, device, search.polished(Scored(0, 0, 0, view)).view)
            found += made
        return found

    def _of_view(self, layout: Layout, device: Device, view: View) -> list[Candidate]:
        rendered = [self._picture(f).render(view, *self._shape) for f in range(len(self._stored))]
        shown, around = [r.shown for r in rendered], [r.around for r in rendered]
        pixels = [r.pixels for r in rendered]
        sums = moments.moments(device, pixels, shown)
        rounding = CAMERA_ROUNDING if view.camera else ROUNDING
        expected = self._expected(view.turn, view.exif)
        found = []
        for what in moments.maps(sums, device, shown):
            if what.wrapped and layout.bits == "sign":
                continue  # twice the same is nothing
            fitted = values.fit(device, pixels, shown, what, rounding)
            filling = values.filling(device, around, what)
            changes = (
                *words.camera(view),
                *words.geometry(view, expected, self._recipe),
                *self._pad(view, filling),
                *words.values(what, device, self._recipe),
                *layout.changes,
            )
            made = words.normalization(what, device) if what.affine else None
            found.append(
                Candidate(
                    changes=changes,
                    sse=fitted.sse,
                    n=fitted.n,
                    floor=fitted.floor,
                    sound=fitted.sound and filling is not None,
                    freedom=2 * len(what.slope) + (0 if view.crop.kind == "centre" else len(view.crop.values)),
                    diff=words.diff(changes, self._recipe, made),
                    harmless=all(c.part == "resize" and c.name == view.kernel for c in changes),
                )
            )
        return found

    def _pad(self, view: View, filling: Array | None) -> tuple[Change, ...]:
        """Another filling than the expected one; of a letterbox that was not expected it is no matter."""
        if filling is None or not len(filling) or view.fit == "stretch" or self._recipe.fit != "letterbox":
            return ()
        value = float(np.mean(filling))
        return (words.pad(value, self._recipe),) if abs(value - self._recipe.pad) > PAD else ()


def _fits(candidate: Candidate) -> bool:
    return candidate.rmse(np.ones(len(candidate.sse))) <= candidate.floor


def _texture(picture: Array) -> float:
    wide = picture.astype(np.float64)
    return float(np.abs(np.diff(wide, axis=0)).mean() + np.abs(np.diff(wide, axis=1)).mean())


def _bars(stored: Sequence[Array]) -> bool:
    """Some picture has sides of one value, as a letterbox has."""
    for picture in stored:
        for along in (picture, picture.transpose(1, 0, 2)):
            flat = (along == along[:, :1]).all((1, 2))
            for side in (flat, flat[::-1]):
                if int(np.argmin(side)) > BARS * len(side) or side.all():
                    return True
    return False
