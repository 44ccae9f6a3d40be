"""What became of the values on the way from pixels to the tensor: the order of channels, an affine map, bytes that wrapped.

All in the pixel units of `fed.Device`; `moments` says which maps are worth a look.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from farm.assess.explain.fed import Device

    Array = np.ndarray[Any, Any]

ALIKE = 0.5
"""Share of the device's variance that an explanation must account for; a flat picture is near to anything."""
BINS = 20
CURVE = 0.22
"""Pixel units (RMS over `BINS` parts of the range) by which a map may bend before it is no affine one."""
VERGE = 8
"""Pixel units from 127.5 within which rounding decides on which side of it a value is."""
CONSTANT = -1
"""Source of a channel that shows none of the picture's."""


@dataclass(frozen=True)
class Map:
    """From the c channels of a picture to the device's: `slope * source + offset`."""

    sources: tuple[int, ...]
    """Channel that each shows, or `CONSTANT`."""
    wrapped: bool = False
    """Pixels over 127 were taken for negative ones."""
    slope: tuple[float, ...] = ()
    """Empty: 1 and 0."""
    offset: tuple[float, ...] = ()
    early: bool = False
    """Channels were reordered after normalizing (with the numbers of the channel that they are)."""

    def __call__(self, picture: Array, device: Device) -> Array:
        """[h, w, c] in pixel units."""
        values: Array = picture.astype(np.float32)
        if self.wrapped:
            values = values - 256 * (values > 127)
        if self.early:
            values = (values - device.mean) / device.std
        values = values[..., [max(s, 0) for s in self.sources]]
        if CONSTANT in self.sources:
            values[..., [s == CONSTANT for s in self.sources]] = np.float32(255)
        if self.early:
            values = values * device.std + device.mean
        if self.slope:
            values = values * np.array(self.slope, np.float32) + np.array(self.offset, np.float32)
        return values

    @property
    def affine(self) -> bool:
        """Values are scaled or shifted."""
        return bool(self.slope)

    @property
    def reordered(self) -> bool:
        """Channels are not where they belong."""
        return self.sources != tuple(range(len(self.sources)))


@dataclass(frozen=True)
class Fitted:
    """A map, and what it leaves. Errors count in units of each channel's span."""

    map: Map
    sse: Array
    """[f]"""
    n: Array
    floor: float
    sound: bool

    @property
    def rmse(self) -> float:
        """Over all frames."""
        return float((self.sse.sum() / max(self.n.sum(), 1)) ** 0.5)


def fit(device: Device, pictures: Sequence[Array], shown: Sequence[Array], what: Map, rounding: float) -> Fitted:
    """What a map leaves. `rounding`: RMSE in pixel units that right arithmetic may leave before the map."""
    span = device.span
    slope = np.abs(np.array(what.slope)) if what.slope else np.ones(len(span))
    allowed = device.step**2 / 12 + (slope * rounding) ** 2
    floor = float(np.mean(allowed / span**2) ** 0.5)
    errors, squares, counts, total = [], [], [], np.zeros((3, len(span)))
    for f, (picture, place) in enumerate(zip(pictures, shown, strict=True)):
        error, seen = _error(device, f, picture, place, what)
        squares.append(np.einsum("pc,pc->c", error, error, dtype=np.float64))
        counts.append(len(error))
        total += np.stack([np.full(len(span), len(seen)), seen.sum(0), np.einsum("pc,pc->c", seen, seen)])
        errors.append(error)
    weight = 1 / span**2
    each, count = np.sum(squares, 0), max(sum(counts), 1)
    variance = total[2] - total[1] ** 2 / np.maximum(total[0], 1)
    # No channel may hide behind the others, and a flat picture is near to anything.
    sound = bool(each @ weight <= (1 - ALIKE) * (variance @ weight)) and bool((each / count <= 2.0 * allowed).all())
    if what.affine and (np.abs(slope - 1) < 0.012).all() and (np.abs(what.offset) < 2 * device.bitmap).all():
        sound = False  # rounding otherwise is no other range
    flat = np.ptp(device.ends, axis=0) <= 1e-3 * device.span.max() + 1.01 * device.step
    if what.affine and any(f and s != CONSTANT for f, s in zip(flat, what.sources, strict=True)):
        sound = False  # a slope of next to nothing makes a channel of anything
    if what.affine and sound:
        sound = _straight(device, pictures, shown, what, errors, CURVE * slope + 0.12 * device.step)
    sse = np.array([float(s @ weight) for s in squares])
    return Fitted(what, sse, np.array([float(n * len(span)) for n in counts]), floor, sound)


def filling(device: Device, around: Sequence[Array], what: Map) -> Array | None:
    """float [c]: what the tensor holds around the picture, before the map; [0] where nothing is around; None: not one value.

    `around` are masks [h, w].
    """
    found = np.concatenate([v[k & a] for v, k, a in zip(device.values, device.known, around, strict=True)])
    if not len(found):
        return np.zeros(0)
    slope, offset = (np.array(what.slope), np.array(what.offset)) if what.slope else (1.0, 0.0)
    if (np.ptp(found, axis=0) > 1 + 2 * device.step).any():
        return None
    value = (found.mean(0, dtype=np.float64) - offset) / np.where(np.abs(slope) > 1e-9, slope, 1.0)
    return np.asarray(np.where(value < 0, value + 256, value) if what.wrapped else value)


def _error(device: Device, f: int, picture: Array, place: Array, what: Map) -> tuple[Array, Array]:
    """float32 [n, c]: what the map leaves of a frame where the picture is shown, and (float64) the device's values there."""
    values, use = device.values[f], device.known[f] & place
    wanted = what(picture, device)
    if np.isfinite(device.limits[0]).all():
        wanted = np.clip(wanted, device.limits[0].astype(np.float32), device.limits[1].astype(np.float32))
    # A bitmap holds 0..255: what goes beyond is cut off there.
    beyond = np.abs(values - np.float32(127.5))
    cut = (beyond > 126.9) & (beyond < 128.1)
    if device.bitmap and cut.any():
        wanted[cut] = np.clip(wanted[cut], 0, 255)
    error = values - wanted
    if what.wrapped:
        _unwrap(error, picture, what)
    if use.all():
        return error.reshape(-1, error.shape[-1]), values.reshape(-1, error.shape[-1]).astype(np.float64)
    return error[use], values[use].astype(np.float64)


def _unwrap(error: Array, picture: Array, what: Map) -> None:
    """Next to the byte at which values wrap around, one unit more or less makes a whole turn of difference: taken away."""
    turn = 256 * np.array(what.slope or (1.0,) * len(what.sources), np.float32)
    source = picture[..., [max(s, 0) for s in what.sources]].astype(np.int16)
    verge = (np.abs(source - 127.5) < VERGE) & (np.abs(error) > np.abs(turn) / 2)
    error -= np.where(verge, np.sign(error * turn) * turn, 0)


def _straight(
    device: Device,
    pictures: Sequence[Array],
    shown: Sequence[Array],
    what: Map,
    errors: Sequence[Array],
    allowed: Array,
) -> bool:
    """What an affine map leaves neither bends along the range, nor is off in a frame of its own."""
    low, high = device.ends
    sums = np.zeros((len(low), 2, BINS))
    for f, error in enumerate(errors):
        use = device.known[f] & shown[f]
        free, wanted = device.inside[f][use], what(pictures[f], device)[use]
        at = np.clip((wanted - low) / np.maximum(high - low, 1e-9) * BINS, 0, BINS - 1).astype(np.int64)
        for c in range(len(low)):
            mask = free[:, c]
            if not mask.any():
                continue
            if abs(float(error[mask, c].mean(dtype=np.float64))) > 2 * allowed[c]:
                return False
            sums[c, 0] += np.bincount(at[mask, c], error[mask, c], BINS)
            sums[c, 1] += np.bincount(at[mask, c], minlength=BINS)
    bends = np.sqrt((sums[:, 0] ** 2 / np.maximum(sums[:, 1], 1)).sum(1) / np.maximum(sums[:, 1].sum(1), 1))
    return bool((bends <= allowed).all())
