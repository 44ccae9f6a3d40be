"""Maps that may be right, from sums of products alone: what every order of channels and the best affine maps would leave."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np

from farm.assess.explain.values import CONSTANT, Map

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from farm.assess.explain.fed import Device

    Array = np.ndarray[Any, Any]


ALIKE_SLOPE, ALIKE_OFFSET = 0.02, 3.0
"""By which the maps of two channels may differ and be one; offsets in pixel units."""


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


def nearest(sums: Array, device: Device, *, affine: bool = True) -> float:
    """RMSE / span that the best map of `maps` leaves, without cutting anything off; an affine one must be worth it."""
    k = (sums.shape[1] - 2) // 2
    rows, weight = np.arange(len(sums)), 1 / device.span**2
    straight, fitted, _, _ = _errors(sums)
    orders = list(itertools.permutations(range(k))) if k == len(sums) else [tuple(range(len(sums)))]
    best = min(
        float(weight @ errors[rows, [o + wrapped for o in order]]) * factor
        for errors, factor in ((straight, 1.0), (fitted, 1.7))[: 1 + affine]
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
    seen = [v[m & s] for v, m, s in zip(device.values, device.known, shown, strict=True)]
    seen = [v for v in seen if len(v)]
    if channels != 3 or not seen:
        return
    flat = [max(float(np.ptp(v[:, c])) for v in seen) for c in range(channels)]
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
            first, last = others
            s[c], t[c] = (float(np.mean([v[o] for o in others])) for v in (s, t))
            if abs(s[first] - s[last]) > ALIKE_SLOPE or abs(t[first] - t[last]) > ALIKE_OFFSET:
                # Each channel has a map of its own, so that 255 may have become anything.
                t[c] = float(np.mean([v[:, c].mean() for v in seen])) - 255 * s[c]
            yield Map(tuple(sources), slope=tuple(s), offset=tuple(t)) if affine else Map(tuple(sources))


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
