"""What became of the values on the way from pixels to the tensor: the order of channels, an affine map, bytes that wrapped.

All in pixel units: the device's tensor is taken back through the expected normalization, so that the right input is 0..255.
"""

from __future__ import annotations

import functools
import itertools
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    Array = np.ndarray[Any, Any]

ALIKE = 0.5
"""Share of the device's variance that an explanation must account for; a flat picture is near to anything."""
BINS = 20
CURVE = 0.22
"""Pixel units (RMS over `BINS` parts of the range) by which a map may bend before it is no affine one."""
BEYOND = 1e7
"""Pixel units; larger numbers are no pictures, whatever they are."""
CONSTANT = -1
"""Source of a channel that shows none of the picture's."""


@dataclass(frozen=True)
class Device:
    """The device's input in f frames, in pixel units."""

    values: tuple[Array, ...]
    """float32 [h, w, c]"""
    known: tuple[Array, ...]
    """bool [h, w]: pixels that the tensor holds, and that are numbers."""
    inside: tuple[Array, ...]
    """bool [h, w, c]: not at the limits of the type, nor of a bitmap's 0 and 255."""
    limits: tuple[Array, Array]
    """Least and largest value [c] that the type can hold; infinite for real numbers."""
    step: Array
    """float [c]: of quantization; 0 for real numbers."""
    mean: Array
    """float [c]: of the expected normalization."""
    std: Array
    bitmap: bool = True
    """Values were bytes of a picture once, so that 0 and 255 may stand for what lies beyond."""

    def of(self, frames: Sequence[int]) -> Device:
        """Some of the frames."""
        if list(frames) == list(range(len(self.values))):
            return self
        return replace(
            self,
            values=tuple(self.values[f] for f in frames),
            known=tuple(self.known[f] for f in frames),
            inside=tuple(self.inside[f] for f in frames),
        )

    @functools.cached_property
    def ends(self) -> tuple[Array, Array]:
        """float [c]: least and largest value of each channel over all frames."""
        low, high = np.full(len(self.mean), np.inf), np.full(len(self.mean), -np.inf)
        for v, k in zip(self.values, self.known, strict=True):
            flat = v.reshape(-1, v.shape[-1]) if k.all() else v[k]
            if len(flat):
                low, high = np.minimum(low, flat.min(0)), np.maximum(high, flat.max(0))
        return np.where(np.isfinite(low), low, 0.0), np.where(np.isfinite(high), high, 0.0)

    @functools.cached_property
    def span(self) -> Array:
        """float [c]: range of each channel over all frames."""
        span = self.ends[1] - self.ends[0]
        return np.where(span > 0, span, max(float(span.max()), 1e-9))


def device(
    tensors: Sequence[Array],
    known: Sequence[Array],
    normalize: tuple[Array, Array],
    quantization: tuple[float, int] | None,
    *,
    bitmap: bool = True,
) -> Device:
    """From stored tensors [h, w, c]; mean and std [c]; scale and zero point of an integer type."""
    mean, std = normalize
    limits = np.full(len(mean), -np.inf), np.full(len(mean), np.inf)
    step = np.zeros(len(mean))
    values, masks, inside = [], [], []
    for tensor, seen in zip(tensors, known, strict=True):
        with np.errstate(invalid="ignore"):  # numbers whose bytes are in the wrong order are not always numbers
            real = tensor.astype(np.float64)
        sound = np.isfinite(real)
        free = sound.copy()
        if quantization is not None:
            scale, zero = quantization
            ends = np.iinfo(tensor.dtype)
            free &= (tensor > ends.min) & (tensor < ends.max)
            real = (real - zero) * scale
            ends_real = sorted((np.array([e - zero for e in (ends.min, ends.max)]) * scale).tolist())
            both = np.sort(np.stack([e * std + mean for e in ends_real]), 0)
            limits, step = (both[0], both[1]), np.abs(scale * std)
        with np.errstate(over="ignore", invalid="ignore"):
            pixels = np.clip(np.where(sound, real, 0.0) * std + mean, -BEYOND, BEYOND)
        if bitmap:
            free &= (np.abs(pixels) > 0.5) & (np.abs(pixels - 255) > 0.5)  # half a pixel unit
        values.append(pixels.astype(np.float32))
        masks.append(seen & sound.all(-1))
        inside.append(free & masks[-1][..., None])
    return Device(tuple(values), tuple(masks), tuple(inside), limits, step, mean, std, bitmap)


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


def moments(device: Device, pictures: Sequence[Array], shown: Sequence[Array], thin: int = 1) -> Array:
    """[c, 2k + 2, 2k + 2]: sums of products of (1, k picture channels, the same wrapped, device channel c) over values inside.

    `shown` [h, w] marks pixels where the picture is; with `thin` only every so many of them count.
    """
    channels = device.values[0].shape[-1]
    total = np.zeros((channels, 2 * pictures[0].shape[-1] + 2, 2 * pictures[0].shape[-1] + 2))
    for values, inside, picture, place in zip(device.values, device.inside, pictures, shown, strict=True):
        x = picture.reshape(-1, picture.shape[-1])[::thin].astype(np.float32)
        rows = np.concatenate([np.ones((len(x), 1), np.float32), x, x - 256 * (x > 127)], 1)
        flat, use = values.reshape(-1, channels)[::thin], (inside & place[..., None]).reshape(-1, channels)[::thin]
        for c in range(channels):
            mask = use[:, c]
            whole = np.concatenate([rows, flat[:, c : c + 1]], 1)[mask]
            total[c] += whole.T.astype(np.float64) @ whole if len(whole) < 1000 else _gram(whole)
    return total


def _gram(rows: Array) -> Array:
    """In pieces: float32 holds the sums of so many products."""
    pieces = [rows[i : i + 4096] for i in range(0, len(rows), 4096)]
    result: Array = np.sum([(p.T @ p).astype(np.float64) for p in pieces], 0)
    return result


def lower_bound(sums: Array, span: Array) -> float:
    """RMSE / span that the best linear map of all channels leaves: no map of `Map`'s leaves less."""
    left, count = 0.0, 0.0
    k = (sums.shape[1] - 2) // 2
    for c in range(len(sums)):
        n = sums[c, 0, 0]
        if n < 1:
            continue
        best = np.inf
        for columns in ([0, *range(1, k + 1)], [0, *range(k + 1, 2 * k + 1)]):
            gram, cross = sums[c][np.ix_(columns, columns)], sums[c][columns, -1]
            slope = np.linalg.lstsq(gram, cross, rcond=1e-12)[0]
            best = min(best, float(sums[c, -1, -1] - slope @ cross))
        left += max(0.0, best) / span[c] ** 2
        count += n
    return float((left / max(count, 1)) ** 0.5)


def maps(sums: Array, device: Device, shown: Sequence[Array]) -> list[Map]:
    """The few maps that may be right, from `moments`: of each family the best ones. `shown` as there."""
    channels = len(sums)
    k = (sums.shape[1] - 2) // 2
    weight = 1 / device.span**2
    straight, fitted, slope, offset = _errors(sums)
    n = max(1.0, float(sums[:, 0, 0].sum()))
    floor = float((weight @ (device.step**2 / 12 + 0.5) / channels) ** 0.5)
    found: list[Map] = []
    for wrapped in (False, True):
        orders = [
            (order, [o + k * wrapped for o in order])
            for order in (itertools.permutations(range(k)) if k == channels <= 4 else iter([tuple(range(channels))]))
        ]
        rows = np.arange(channels)
        for affine, errors in ((False, straight), (True, fitted)):
            ranked = sorted(orders, key=lambda o: float(weight @ errors[rows, o[1]]))
            best = (float(weight @ errors[rows, ranked[0][1]]) / n) ** 0.5
            keep = [o for o in ranked if (float(weight @ errors[rows, o[1]]) / n) ** 0.5 <= max(floor, 1.5 * best)][:3]
            keep += [] if orders[0] in keep else [orders[0]]
            for order, columns in keep:
                picked = rows, columns
                found.append(
                    Map(order, wrapped, tuple(map(float, slope[picked])), tuple(map(float, offset[picked])))
                    if affine
                    else Map(order, wrapped)
                )
                if not affine and order != tuple(range(channels)) and _uneven(device):
                    found.append(Map(order, wrapped, early=True))
    found += _with_alpha(straight, fitted, slope, offset, device, shown)
    left = [_left(sums, what, k, weight, device) for what in found]
    limit = max(2 * floor, 3 * min(left))
    best = sorted(zip(left, found, strict=True), key=lambda pair: pair[0])
    return [what for place, (rest, what) in enumerate(best) if place < 3 or rest <= limit][:8]


def _left(sums: Array, what: Map, k: int, weight: Array, device: Device) -> float:
    """RMSE / span that a map leaves, from `moments`."""
    total = 0.0
    for c, source in enumerate(what.sources):
        if source == CONSTANT:
            continue
        row = sums[c]
        column = 1 + source + k * what.wrapped
        s, o = (what.slope[c], what.offset[c]) if what.slope else (1.0, 0.0)
        if what.early:
            s = float(device.std[c] / device.std[source])
            o = float(device.mean[c] - device.mean[source] * s)
        error = row[-1, -1] - 2 * s * row[column, -1] - 2 * o * row[0, -1]
        error += s * s * row[column, column] + 2 * s * o * row[0, column] + o * o * row[0, 0]
        total += float(weight[c]) * max(0.0, float(error))
    return float((total / max(1.0, float(sums[:, 0, 0].sum()))) ** 0.5)


def nearest(sums: Array, device: Device) -> float:
    """RMSE / span that the best map of `maps` leaves, without cutting anything off; an affine one must be worth it."""
    k = (sums.shape[1] - 2) // 2
    rows, weight = np.arange(len(sums)), 1 / device.span**2
    straight, fitted, _, _ = _errors(sums)
    orders = list(itertools.permutations(range(k))) if k == len(sums) else [tuple(range(len(sums)))]
    best = min(
        float(weight @ errors[rows, [o + wrapped for o in order]]) * factor
        for errors, factor in ((straight, 1.0), (fitted, 1.7))
        for order in orders
        for wrapped in (0, k)
    )
    return float((best / max(1.0, float(sums[:, 0, 0].sum()))) ** 0.5)


def _uneven(device: Device) -> bool:
    return bool(np.ptp(device.mean) > 0 or np.ptp(device.std) > 0)


def _with_alpha(
    straight: Array, fitted: Array, slope: Array, offset: Array, device: Device, shown: Sequence[Array]
) -> Iterator[Map]:
    """Maps in which one channel is the opaque alpha's 255."""
    channels = len(straight)
    if channels != 3:
        return
    seen = [v[m & s] for v, m, s in zip(device.values, device.known, shown, strict=True)]
    seen = [v for v in seen if len(v)]
    flat = [max((float(np.ptp(v[:, c])) for v in seen), default=0.0) for c in range(channels)]
    for c in range(channels):
        others = [o for o in range(channels) if o != c]
        if flat[c] > 1 + device.step[c] or all(flat[o] <= 1 + device.step[o] for o in others):
            continue
        for affine, errors in ((False, straight), (True, fitted)):
            order = min(
                itertools.permutations(range(3), 2),
                key=lambda o: sum(errors[a, b] for a, b in zip(others, o, strict=True)),
            )
            sources = [CONSTANT] * channels
            s, t = [1.0] * channels, [0.0] * channels
            for a, b in zip(others, order, strict=True):
                sources[a], s[a], t[a] = b, float(slope[a, b]), float(offset[a, b])
            s[c] = float(np.mean([s[o] for o in others]))
            t[c] = float(np.mean([v[:, c].mean() for v in seen])) - 255 * s[c] if seen else 0.0
            yield Map(tuple(sources), slope=tuple(s), offset=tuple(t)) if affine else Map(tuple(sources))


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


def filling(device: Device, shown: Sequence[Array], what: Map) -> Array | None:
    """float [c]: what the tensor holds around the picture, before the map; [0] where nothing is around; None: not one value."""
    around = [v[k & ~s] for v, k, s in zip(device.values, device.known, shown, strict=True)]
    found = np.concatenate(around)
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
    if use.all():
        return error.reshape(-1, error.shape[-1]), values.reshape(-1, error.shape[-1]).astype(np.float64)
    return error[use], values[use].astype(np.float64)


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


def _errors(sums: Array) -> tuple[Array, Array, Array, Array]:
    """[c, 2k] for device channel and source: squared error as it is, after the best affine map, and that map."""
    n = np.maximum(sums[:, 0, 0], 1.0)[:, None]
    x, xx = sums[:, 0, 1:-1], np.diagonal(sums, axis1=1, axis2=2)[:, 1:-1]
    xy, y, yy = sums[:, 1:-1, -1], sums[:, 0, -1][:, None], sums[:, -1, -1][:, None]
    straight = yy - 2 * xy + xx
    var_x, var_y, cov = xx - x * x / n, yy - y * y / n, xy - x * y / n
    flat = var_x <= 1e-9 * np.maximum(xx, 1e-300)
    slope = np.where(flat, 1.0, cov / np.where(flat, 1.0, var_x))
    offset = (y - slope * x) / n
    fitted = np.where(flat, var_y, var_y - slope * cov)
    return np.maximum(straight, 0), np.maximum(fitted, 0), slope, offset
