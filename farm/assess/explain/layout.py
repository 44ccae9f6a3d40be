"""Ways in which the right values end up in the wrong place of the tensor, or in the wrong bits; each can be undone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from farm.report.explanation import Change

if TYPE_CHECKING:
    from collections.abc import Sequence

    Array = np.ndarray[Any, Any]

Bits = Literal["", "sign", "bytes"]
Order = Literal["", "planes", "interleaved", "columns"]
REACH = 160
"""Elements of padding a row may have."""
SHIFT = 48
"""Pixels by which rows may be shifted against each other."""
APART = (1, 4, 16)
"""Rows between two that are compared, to see how they are shifted."""
PROMINENT = 0.02
"""How much better a row length must fit than the right one (correlation of neighboring rows)."""


@dataclass(frozen=True)
class Layout:
    """`bits`: as they are; the sign bit of 8-bit integers flipped; bytes reversed. `order`: see `_CHANGES`."""

    bits: Bits = ""
    order: Order = ""
    padding: int = 0
    """Elements more that each row had than it was read with, before the order was changed; negative: less."""

    def undo(self, stored: Array) -> tuple[Array, Array]:
        """From the logged tensor [h, w, c] to what the pipeline had before, and bool [h, w]: the pixels that are known."""
        h, w, c = stored.shape
        values = stored
        if self.bits == "sign":
            values = (stored.view(np.uint8) ^ np.uint8(128)).view(stored.dtype)
        elif self.bits == "bytes":
            values = np.ascontiguousarray(stored).byteswap()
        known = np.ones((h, w), bool)
        if self.order == "planes":
            values = values.reshape(c, h, w).transpose(1, 2, 0)
        elif self.order == "interleaved":
            values = values.transpose(2, 0, 1).reshape(h, w, c)
        elif self.order == "columns":
            values = values.reshape(w, h, c).transpose(1, 0, 2)
        if self.padding:
            values, known = _unsheared(values, self.padding)
        return np.ascontiguousarray(values), known

    @property
    def changes(self) -> tuple[Change, ...]:
        """For the explanation, in the order they happened."""
        found = []
        for key in ("stride" if self.padding else "", self.order, self.bits):
            if key:
                name, told, line = _CHANGES[key]
                parameters: dict[str, float | str] = {"padding": self.padding} if key == "stride" else {}
                found.append(Change(part="layout", name=name, words=told, parameters=parameters, lines=(line,)))
        return tuple(found)


_CHANGES = {
    "planes": (
        "nchw-as-nhwc",
        "writes the picture plane by plane (NCHW) where the model expects NHWC",
        "write the three values of each pixel together",
    ),
    "interleaved": (
        "nhwc-as-nchw",
        "takes NHWC values for planes (NCHW) and reorders them",
        "leave the values in the order height, width, channels",
    ),
    "columns": (
        "columns-as-rows",
        "writes the picture column by column where the model expects rows",
        "write the rows one after the other",
    ),
    "stride": (
        "row-stride",
        "reads rows with a wrong stride, so that each is shifted against the one before",
        "step from row to row by the buffer's own row stride",
    ),
    "sign": (
        "u8-as-i8",
        "stores unsigned bytes where signed ones belong, or the other way around",
        "add the input's zero point when storing (signed is unsigned - 128)",
    ),
    "bytes": (
        "byte-order",
        "stores values in the other byte order",
        "write little-endian values (ByteOrder.nativeOrder())",
    ),
}


def layouts(stored: Sequence[Array]) -> tuple[Layout, ...]:
    """Those possible for tensors [h, w, c]; the first one is the right one."""
    h, w, c = stored[0].shape
    bits: list[Bits] = [""]
    if stored[0].dtype.itemsize == 1 and stored[0].dtype.kind in "iu":
        bits.append("sign")
    elif stored[0].dtype.itemsize > 1:
        bits.append("bytes")
    orders: list[Order] = [""]
    if c > 1:
        orders += ["planes", "interleaved"]
    if h != w:
        orders.append("columns")
    found = [Layout(b, o) for b in bits for o in orders]
    for b in bits:
        alike = {o: _alike([Layout(b, o).undo(s)[0] for s in stored]) for o in orders}
        # Rows of the right length in the right order are most alike; other orders have rhythms of their own.
        right = max(orders, key=lambda o: float(alike[o].max()))
        found += [Layout(b, o, p) for o in dict.fromkeys(("", right)) for p in _paddings(alike[o])]
    return tuple(found)


def _paddings(alike: Array) -> tuple[int, ...]:
    """Row lengths that fit better than the right one, as differences to it in values."""
    best = np.argsort(alike)[::-1][:3] - REACH
    return tuple(int(p) for p in best if p and alike[p + REACH] > alike[REACH] + PROMINENT)


def _alike(pictures: Sequence[Array]) -> Array:
    """float [2 * REACH + 1]: how alike neighboring rows would be if they were up to `REACH` values shorter or longer.

    The flat buffer is like itself, shifted by one row.
    """
    total = np.zeros(2 * REACH + 1)
    if pictures[0].shape[0] < 8 or pictures[0].shape[1] < 8:  # too small to tell
        return total
    width = pictures[0].shape[1] * pictures[0].shape[2]
    for picture in pictures:
        with np.errstate(invalid="ignore"):
            flat = picture.ravel().astype(np.float64)
        flat = np.where(np.isfinite(flat), flat, 0)
        flat = np.clip(flat, *np.percentile(flat, [1, 99]))
        flat -= flat.mean()
        size = 1 << int(2 * len(flat) - 1).bit_length()
        spectrum = np.fft.rfft(flat, size)
        alike = np.fft.irfft(spectrum * spectrum.conj(), size)
        if alike[0] > 0:
            lags = np.arange(width - REACH, width + REACH + 1)
            known = (lags > 0) & (lags < len(flat))
            total[known] += alike[lags[known]] / alike[0] * len(flat) / (len(flat) - lags[known])
    total /= len(pictures)
    return total


def slant(pictures: Sequence[Array]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Pixels by which each row is shifted to the right against the one above, and each column down against the one before.

    Several estimates: neighbors that are blurred into each other seem to be shifted by less, and only rows further apart show
    shifts of less than a pixel. None where rows are most alike unshifted.
    """
    near, far = APART[:-1], APART[-1]
    found = []
    for axis in (0, 1):
        shifts = tuple(s / apart for apart in near if (s := _shift(pictures, axis, apart)))
        wide = _shift(pictures, axis, far) / far
        found.append(shifts or ((wide,) if wide else ()))
    return found[0], found[1]


def _shift(pictures: Sequence[Array], axis: int, apart: int) -> float:
    total = np.zeros(2 * SHIFT + 1)
    for picture in pictures:
        gray = picture.mean(-1, dtype=np.float64)
        rows = gray if axis == 0 else gray.T
        rows = rows - rows.mean(1, keepdims=True)
        size = 1 << int(2 * rows.shape[1] - 1).bit_length()
        spectrum = np.fft.rfft(rows, size, axis=1)
        alike = np.fft.irfft((spectrum[apart:] * spectrum[:-apart].conj()).sum(0), size)
        scale = max(float((rows * rows).sum()), 1e-30)
        total += np.concatenate([alike[-SHIFT:], alike[: SHIFT + 1]]) / scale
    total /= len(pictures)
    best = int(np.argmax(total))
    if total[best] < total[SHIFT] + PROMINENT or not 0 < best < 2 * SHIFT:
        return 0.0
    before, at, after = total[best - 1 : best + 2]
    bend = before - 2 * at + after
    return float(best - SHIFT + (0.5 * (before - after) / bend if bend else 0.0))


def _unsheared(values: Array, padding: int) -> tuple[Array, Array]:
    h, w, c = values.shape
    if padding > 0:  # the buffer's rows are longer than they were read
        at = np.arange(h)[:, None] * (w * c + padding) + np.arange(w * c)
        inside = at < values.size
        flat = values.ravel()[np.minimum(at, values.size - 1)]
        return flat.reshape(h, w, c), inside.reshape(h, w, c).all(-1)
    at = np.arange(h)[:, None] * (w * c - padding) + np.arange(w * c)
    inside = at < values.size
    found: Array = np.zeros(values.size, values.dtype)
    known: Array = np.zeros(values.size, bool)
    found[at[inside]], known[at[inside]] = values.reshape(h, -1)[inside], True
    return found.reshape(h, w, c), np.asarray(known.reshape(h, w, c).all(-1))
