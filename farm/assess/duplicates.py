"""Near-duplicate frames: those that look like the last one that was kept, as NoScope's difference detector takes them out.

Kang et al., NoScope (VLDB 2017): the mean squared difference of a frame and an earlier one, against a threshold. There
the earlier one lies a fixed time before; here it is the last one kept, so that slow change is seen in time, too.
"""

from __future__ import annotations

import hashlib
import io
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from farm.errors import InputsError
from farm.reference import preprocess, wav

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from farm.submission import FrameKind

    Array = np.ndarray[Any, Any]

SIDE = 32
"""Pixels a side that pictures are looked at in: noise and JPEG's blocks average out, things do not."""
THRESHOLD = 1e-4
"""A difference of 1 % of the range, root mean square. Of the demo's 120 photos, at 32 x 32: one and the same is up to 0.6e-4
away through JPEG of quality 40, up to 0.7e-4 with noise of 10 in 255, 0.9e-4 (the median) when moved by a pixel; of all
different ones the two most alike are 1.4e-4 apart."""


@dataclass(frozen=True)
class Sketch:
    """What a frame is compared by."""

    kind: tuple[object, ...]
    """Frames of different ones are never alike: kind of frame, shapes, rates; of a text its hash."""
    values: Array
    """float64 [n]."""
    power: float
    """Differences are told in shares of it."""


def sketch(name: str, kind: FrameKind, parts: Sequence[bytes]) -> Sketch:
    """Of a frame's files.

    Raises:
        InputsError: naming the frame: it cannot be decoded.
    """
    if kind == "image":
        pixels = preprocess.decode(parts[0], name)
        gray = Image.fromarray(pixels).convert("L").resize((SIDE, SIDE), Image.Resampling.BOX)
        return Sketch((kind, pixels.shape), np.asarray(gray, np.float64).ravel() / 255, 1.0)
    if kind == "text":
        return Sketch((kind, hashlib.sha256(parts[0]).digest()), np.zeros(0), 1.0)
    if kind == "audio":
        clip = wav.decode(parts[0], name)
        return _measured((kind, clip.rate, clip.samples.shape), clip.samples)
    arrays = [_array(part, name) for part in parts]
    shapes = (kind, *((a.shape, a.dtype.str) for a in arrays))
    return _measured(shapes, np.concatenate([a.astype(np.float64).ravel() for a in arrays]))


def difference(sketch: Sketch, kept: Sketch) -> float:
    """How far a frame is from the one kept: the mean squared difference of pixels in 0..1; of sounds and tensors in shares of
    the kept one's mean square; of texts 0 or infinite. Infinite, too, between frames that are not of one kind.
    """
    if sketch.kind != kept.kind:
        return math.inf
    if not len(sketch.values) or np.array_equal(sketch.values, kept.values):
        return 0.0
    with np.errstate(all="ignore"):
        found = float(np.mean((sketch.values - kept.values) ** 2))
    return found / kept.power if kept.power > 0 and math.isfinite(found) else math.inf


def keep(sketches: Iterable[Sketch], threshold: float = THRESHOLD) -> list[int]:
    """The places of the frames to keep, in order: the first, and each that is further than `threshold` from the last one kept."""
    kept: list[int] = []
    last: Sketch | None = None
    for place, frame in enumerate(sketches):
        if last is None or difference(frame, last) > threshold:
            kept.append(place)
            last = frame
    return kept


def _measured(kind: tuple[object, ...], values: Array) -> Sketch:
    real = np.asarray(values, np.float64).ravel()
    with np.errstate(all="ignore"):
        return Sketch(kind, real, float(np.mean(real**2)) if len(real) else 0.0)


def _array(data: bytes, name: str) -> Array:
    try:
        found = np.load(io.BytesIO(data), allow_pickle=False)
        if isinstance(found, np.ndarray) and found.dtype.kind in "biuf":
            return found
    except (ValueError, EOFError, OSError) as e:
        raise InputsError(f"is no .npy tensor: {e}", where=name, remedy="save it with numpy.save") from e
    raise InputsError("is no tensor of real numbers", where=name, remedy="save it with numpy.save")
