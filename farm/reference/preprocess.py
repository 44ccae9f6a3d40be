"""The recipe on the host: Pillow and numpy, written apart from the agent so that each checks the other.

Order: rotate, crop, resize to u8, channels, normalize, quantize (docs/recipes.md).
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageOps

from farm.errors import InputsError

if TYPE_CHECKING:
    from farm.capture.recording import TensorSpec
    from farm.model.graph import Tensor
    from farm.model.recipe import Recipe

    Array = np.ndarray[Any, Any]

LIMIT_PIXELS = 64 << 20


def decode(data: bytes, name: str) -> Array:
    """An encoded picture as u8 [height, width, 3], RGB, upright as its EXIF orientation says.

    Raises:
        InputsError: naming the file: not a picture, broken, or over `LIMIT_PIXELS`.
    """
    try:
        with Image.open(io.BytesIO(data)) as image:
            if image.width * image.height > LIMIT_PIXELS:
                raise InputsError(
                    f"has {image.width}x{image.height} pixels, over {LIMIT_PIXELS >> 20} Mi",
                    where=name,
                    remedy="scale it down",
                )
            return np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
    except InputsError:
        raise
    except Exception as e:  # Pillow's plugins raise whatever their parsing does
        raise _unreadable(name, e) from e


def size(data: bytes, name: str) -> tuple[int, int]:
    """Height and width of an encoded picture, upright. Errors as in `decode`."""
    try:
        with Image.open(io.BytesIO(data)) as image:
            turned = image.getexif().get(0x0112, 1) in {5, 6, 7, 8}
            return (image.width, image.height) if turned else (image.height, image.width)
    except Exception as e:  # as in `decode`
        raise _unreadable(name, e) from e


def geometry(image: Array, recipe: Recipe, height: int, width: int) -> Array:
    """Rotated, cropped, resized and letterboxed: u8 [h, w, 3] -> u8 [height, width, 3]."""
    turned = np.rot90(image, recipe.rotate // 90)
    at = placed(turned.shape[0], turned.shape[1], recipe, height, width)
    cut = np.ascontiguousarray(turned[at.top : at.top + at.kept_h, at.left : at.left + at.kept_w])
    made = resize(cut, recipe.resize, at.height, at.width)
    if made.shape[:2] == (height, width):
        return made
    result = np.full((height, width, 3), recipe.pad, np.uint8)
    result[at.down : at.down + at.height, at.right : at.right + at.width] = made
    return result


@dataclass(frozen=True)
class Placed:
    """What of a turned picture is kept, and where in the model's input it comes to lie, in pixels."""

    top: int
    left: int
    kept_h: int
    kept_w: int
    down: int
    right: int
    height: int
    width: int


def placed(h: int, w: int, recipe: Recipe, height: int, width: int) -> Placed:
    """Crop and fit of a picture of h x w, after it was turned, for an input of height x width."""
    (top, kept_h), (left, kept_w) = _kept(h, recipe.crop), _kept(w, recipe.crop)
    if recipe.fit == "stretch":
        return Placed(top, left, kept_h, kept_w, 0, 0, height, width)
    scale = min(height / kept_h, width / kept_w)
    new_h, new_w = (max(1, int(np.floor(side * scale + 0.5))) for side in (kept_h, kept_w))
    return Placed(top, left, kept_h, kept_w, (height - new_h) // 2, (width - new_w) // 2, new_h, new_w)


def values(pixels: Array, recipe: Recipe) -> Array:
    """u8 [height, width, 3] RGB -> f32, channels in the recipe's order, (x - mean) / std."""
    ordered = pixels[..., ::-1] if recipe.channels == "bgr" else pixels
    mean, std = np.asarray(recipe.normalize.mean), np.asarray(recipe.normalize.std)
    result: Array = ((ordered - mean) / std).astype(np.float32)
    return result


def quantize(real: Array, spec: Tensor | TensorSpec) -> Array:
    """As the model's input wants it: f32 as it is, integers clamp(round half away from zero(x / scale) + zero point)."""
    if spec.dtype == "float32":
        return real.astype(np.float32)
    scaled = real.astype(np.float32) / np.float32(spec.scale[0] if spec.scale else 1.0)
    rounded = np.trunc(scaled + np.copysign(np.float32(0.5), scaled)) + (spec.zero_point[0] if spec.zero_point else 0)
    limits = np.iinfo(np.dtype(spec.dtype))
    result: Array = np.clip(rounded, limits.min, limits.max).astype(spec.dtype)
    return result


def resize(image: Array, method: str, height: int, width: int) -> Array:
    """Stretch u8 [h, w, 3] to u8 [height, width, 3], rounded half up; `method` as in `Recipe.resize`."""
    if method == "bilinear":
        return np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.BILINEAR))
    along = {"area": _area, "nearest": _nearest}.get(method) or (lambda a, n, axis: _lerp(a, n, axis, method))
    real = along(along(image.astype(np.float64), height, 0), width, 1)
    return np.clip(np.floor(real + 0.5), 0, 255).astype(np.uint8)


def _unreadable(name: str, e: Exception) -> InputsError:
    return InputsError(
        f"is not a picture that can be read ({e})", where=name, remedy="remove it, or save it again as PNG or JPEG"
    )


def _kept(side: int, crop: float) -> tuple[int, int]:
    kept = max(1, int(np.floor(side * crop + 0.5)))
    return (side - kept) // 2, kept


def _nearest(a: Array, out: int, axis: int) -> Array:
    source = (2 * np.arange(out) + 1) * a.shape[axis] // (2 * out)  # floor((i + .5) * in / out), exactly
    result: Array = a.take(source, axis)
    return result


def _lerp(a: Array, out: int, axis: int, method: str) -> Array:
    size, i = a.shape[axis], np.arange(out, dtype=np.float64)
    if method == "bilinear-half-pixel":
        at = (i + 0.5) * size / out - 0.5
    elif method == "bilinear-align-corners":
        at = i * (size - 1) / max(1, out - 1)
    else:  # bilinear-legacy
        at = i * size / out
    at = np.clip(at, 0, size - 1)
    low = np.floor(at).astype(np.int64)
    high = np.minimum(low + 1, size - 1)
    weight = (at - low).reshape([-1 if d == axis else 1 for d in range(a.ndim)])
    result: Array = a.take(low, axis) * (1 - weight) + a.take(high, axis) * weight
    return result


def _area(a: Array, out: int, axis: int) -> Array:
    size = a.shape[axis]
    edges = np.arange(out + 1, dtype=np.float64) * size / out
    first = np.zeros_like(a.take([0], axis))
    total = np.concatenate([first, np.cumsum(a, axis)], axis)  # the integral up to each source edge
    low = np.minimum(np.floor(edges).astype(np.int64), size - 1)
    weight = (edges - low).reshape([-1 if d == axis else 1 for d in range(a.ndim)])
    at = total.take(low, axis) * (1 - weight) + total.take(low + 1, axis) * weight
    result: Array = np.diff(at, axis=axis) * (out / size)
    return result
