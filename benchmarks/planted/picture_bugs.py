"""What goes wrong with pictures. Each function draws its parameters from the generator it is given."""

from __future__ import annotations

import io
import itertools
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageFilter, ImageOps

from benchmarks.planted import camera
from benchmarks.planted.bug import Array, Bug, Kind, Pipeline

if TYPE_CHECKING:
    from collections.abc import Callable

    Random = np.random.Generator
    Draw = Callable[[Random, Pipeline], Bug]

ORDERS = [order for order in itertools.permutations(range(3)) if order != (0, 1, 2)]
ALPHA = {"argb-as-rgba": (3, 0, 1), "abgr-as-rgba": (3, 2, 1), "rgba-as-argb": (1, 2, 3)}
ODD_KERNELS = ("bicubic", "lanczos", "hamming")
KERNELS = (
    "bilinear",
    "bilinear-half-pixel",
    "bilinear-align-corners",
    "bilinear-legacy",
    "nearest",
    "area",
    *ODD_KERNELS,
)


def _words(name: str, parameters: dict[str, Any], kind: Kind = "bug", **words: Any) -> Bug:
    return Bug(name, kind, parameters, edit=lambda p: p | words)


def permutation(random: Random, pipeline: Pipeline) -> Bug:
    """Channels in another order."""
    order = ORDERS[int(random.integers(len(ORDERS)))]
    return Bug("permutation", parameters={"order": order}, stage="pixels", change=lambda v: v[..., list(order)])


def affine(random: Random, pipeline: Pipeline) -> Bug:
    """Another mean and std, the same for all channels."""
    return _affine(random, pipeline, 1)


def affine_channels(random: Random, pipeline: Pipeline) -> Bug:
    """Another mean and std for each channel."""
    return _affine(random, pipeline, 3)


def _affine(random: Random, pipeline: Pipeline, channels: int) -> Bug:
    # Maps black and white of the right range to two values of a range that an integer input holds, too.
    low, high = ((v - np.mean(pipeline["mean"])) / np.mean(pipeline["std"]) for v in (0.0, 255.0))
    while True:
        a = random.uniform(low, high, (channels, 2))
        a.sort(axis=1)
        slope, offset = (a[:, 1] - a[:, 0]) / (high - low), a[:, 0] - low * (a[:, 1] - a[:, 0]) / (high - low)
        if (slope > 0.2).all() and (slope < 0.85).all():
            break
    return Bug(
        "affine",
        parameters={"slope": tuple(map(float, slope)), "offset": tuple(map(float, offset))},
        stage="fed",
        change=lambda v: v * slope + offset,
    )


def rotate(random: Random, pipeline: Pipeline) -> Bug:
    """Quarter turns."""
    turns = int(random.integers(1, 4))
    return Bug("rotate", parameters={"degrees": 90 * turns}, stage="turned", change=lambda v: np.rot90(v, turns))


def flip(random: Random, pipeline: Pipeline) -> Bug:
    """Mirrored, left to right or top to bottom."""
    axis = int(random.integers(2))
    return Bug("flip", parameters={"axis": "xy"[1 - axis]}, stage="turned", change=lambda v: np.flip(v, axis))


def crop(random: Random, pipeline: Pipeline) -> Bug:
    """Another centre fraction."""
    while True:
        kept = float(random.uniform(0.5, 1.0))
        if abs(kept - pipeline.get("crop", 1.0)) > 0.06:
            return _words("crop", {"kept": kept}, crop=kept)


def corner(random: Random, pipeline: Pipeline) -> Bug:
    """A crop that is not in the middle."""
    kept = float(random.uniform(0.5, 0.85))
    top, left = ((1 - kept) * float(random.choice([0.0, 0.2, 0.8, 1.0])) for _ in range(2))
    return _words("corner", {"kept": kept, "top": top, "left": left}, box=(top, left, kept, kept))


def letterbox(random: Random, pipeline: Pipeline) -> Bug:
    """Letterboxed for stretched, or the other way round."""
    if pipeline.get("fit", "stretch") == "letterbox":
        return _words("stretch", {}, fit="stretch")
    pad = int(random.choice([0, 114, 127, 128, 255]))
    return _words("letterbox", {"pad": pad}, fit="letterbox", pad=pad)


def exif(random: Random, pipeline: Pipeline) -> Bug:
    """The orientation tag is not heeded."""
    return _words("exif-ignored", {}, ignore_orientation=True)


def signed(random: Random, pipeline: Pipeline) -> Bug:
    """Bytes of one signedness read as of the other: Java's byte, or an int8 model fed uint8."""
    if np.dtype(pipeline["dtype"]).itemsize == 1:
        return Bug("u8-as-i8", stage="stored", change=lambda v: (v.view(np.uint8) ^ np.uint8(128)).view(v.dtype))
    return Bug("u8-as-i8", stage="pixels", change=lambda v: np.where(v >= 128, v - 256, v))


def byte_order(random: Random, pipeline: Pipeline) -> Bug:
    """Numbers of several bytes, each with its bytes reversed."""
    return Bug("byte-order", stage="stored", change=lambda v: v.byteswap())


def layout(random: Random, pipeline: Pipeline) -> Bug:
    """Planes fed as interleaved, or interleaved fed as planes."""
    h, w = pipeline["height"], pipeline["width"]
    if random.integers(2):
        return Bug("nchw-as-nhwc", stage="stored", change=lambda v: v.transpose(2, 0, 1).reshape(h, w, 3))
    return Bug("nhwc-as-nchw", stage="stored", change=lambda v: v.reshape(3, h, w).transpose(1, 2, 0))


def stride(random: Random, pipeline: Pipeline) -> Bug:
    """Rows that end in padding, read as if they did not."""
    pad, stage = int(random.integers(1, 33)), str(random.choice(["raw", "fitted"]))

    def shear(v: Array) -> Array:
        rows = np.pad(v.reshape(v.shape[0], -1), ((0, 0), (0, pad)))
        return rows.reshape(-1)[: v.size].reshape(v.shape)

    return Bug("stride", parameters={"bytes": pad, "at": stage}, stage=stage, change=shear)


def chroma(random: Random, pipeline: Pipeline) -> Bug:
    """NV21 read as NV12."""
    sub = bool(random.integers(2))
    return Bug(
        "nv21-as-nv12",
        parameters={"subsampled": sub},
        stage="raw",
        change=lambda v: camera.swap_chroma(v, subsampled=sub),
    )


def luma_range(random: Random, pipeline: Pipeline) -> Bug:
    """Limited range read as full, or the other way round."""
    limited = bool(random.integers(2))
    name = "limited-as-full" if limited else "full-as-limited"
    return Bug(name, stage="raw", change=lambda v: camera.range_mixed(v, written_limited=limited))


def matrix(random: Random, pipeline: Pipeline) -> Bug:
    """BT.601 read as BT.709, or the other way round."""
    written = str(random.choice(["601", "709"]))
    name = "bt601-as-bt709" if written == "601" else "bt709-as-bt601"
    return Bug(name, stage="raw", change=lambda v: camera.matrix_mixed(v, written=written))


def alpha(random: Random, pipeline: Pipeline) -> Bug:
    """Four bytes a pixel in another order."""
    name = str(random.choice(sorted(ALPHA)))
    return Bug(name, stage="raw", change=lambda v: camera.with_alpha(v, ALPHA[name]))


def kernel(random: Random, pipeline: Pipeline) -> Bug:
    """Another interpolation: a difference, which costs next to nothing; where aliasing is minded, one that has none."""
    known = ("area", *ODD_KERNELS) if pipeline.get("minds_aliasing") else KERNELS
    other = str(random.choice([k for k in known if k != pipeline["resize"]]))
    return _words("resize", {"kernel": other}, "harmless", resize=other)


def rounding(random: Random, pipeline: Pipeline) -> Bug:
    """Pixels off by one, as another decoder or another rounding leaves them."""
    seed = int(random.integers(1 << 31))

    def noise(v: Array) -> Array:
        step = np.random.default_rng(seed).integers(-1, 2, v.shape)
        return np.clip(v.astype(int) + step, 0, 255).astype(np.uint8)

    return Bug("rounding", "harmless", {}, stage="fitted", change=noise)


def subsampling(random: Random, pipeline: Pipeline) -> Bug:
    """Through a 4:2:0 frame and back, rightly."""
    return Bug("subsampling", "harmless", {}, stage="raw", change=camera.round_trip)


def _unknown(name: str, change: Callable[[Array], Array], stage: str = "raw", **parameters: Any) -> Bug:
    return Bug(name, "unknown", parameters, stage=stage, change=change)


def gamma(random: Random, pipeline: Pipeline) -> Bug:
    """A tone curve."""
    g = float(random.choice([random.uniform(0.4, 0.75), random.uniform(1.4, 2.4)]))
    return _unknown("gamma", lambda v: np.round(255 * (v / 255.0) ** g).astype(np.uint8), exponent=g)


def blur(random: Random, pipeline: Pipeline) -> Bug:
    """Out of focus, at the model's size."""
    r = float(random.uniform(1.5, 4))
    return _unknown("blur", lambda v: _filtered(v, ImageFilter.GaussianBlur(r)), "fitted", radius=r)


def sharpen(random: Random, pipeline: Pipeline) -> Bug:
    """Edges enhanced, as phones do."""
    r = int(random.integers(120, 300))
    return _unknown("sharpen", lambda v: _filtered(v, ImageFilter.UnsharpMask(2, r, 0)), "fitted", percent=r)


def jpeg(random: Random, pipeline: Pipeline) -> Bug:
    """JPEG of quality 10."""

    def change(v: Array) -> Array:
        file = io.BytesIO()
        Image.fromarray(np.ascontiguousarray(v)).save(file, "JPEG", quality=10)
        return np.asarray(Image.open(file).convert("RGB"))

    return _unknown("jpeg-10", change, str(random.choice(["raw", "fitted"])))


def noise(random: Random, pipeline: Pipeline) -> Bug:
    """A dark scene."""
    sigma, seed = float(random.uniform(8, 30)), int(random.integers(1 << 31))
    return _unknown(
        "noise",
        lambda v: np.clip(v + np.random.default_rng(seed).normal(0, sigma, v.shape), 0, 255).astype(np.uint8),
        "fitted",
        sigma=sigma,
    )


def stretch_contrast(random: Random, pipeline: Pipeline) -> Bug:
    """Each picture's contrast stretched by itself, or its histogram made flat."""
    how = str(random.choice(["autocontrast", "equalize"]))

    def change(v: Array) -> Array:
        image = Image.fromarray(np.ascontiguousarray(v))
        return np.asarray(ImageOps.autocontrast(image, 5) if how == "autocontrast" else ImageOps.equalize(image))

    return _unknown("contrast", change, how=how)


def vignette(random: Random, pipeline: Pipeline) -> Bug:
    """Dark corners."""
    depth = float(random.uniform(0.3, 0.7))

    def change(v: Array) -> Array:
        y, x = (np.linspace(-1, 1, n) for n in v.shape[:2])
        weight = 1 - depth * np.minimum(1, (y[:, None] ** 2 + x**2) / 2)
        return (v * weight[..., None]).astype(np.uint8)

    return _unknown("vignette", change, depth=depth)


def posterize(random: Random, pipeline: Pipeline) -> Bug:
    """Few tones."""
    bits = int(random.integers(1, 4))
    return _unknown("posterize", lambda v: v & np.uint8(256 - (1 << (8 - bits))), bits=bits)


def spot(random: Random, pipeline: Pipeline) -> Bug:
    """A finger before the lens."""
    y, x = random.uniform(0.1, 0.6, 2)

    def change(v: Array) -> Array:
        out, (h, w) = v.copy(), v.shape[:2]
        out[int(y * h) : int((y + 0.3) * h), int(x * w) : int((x + 0.3) * w)] = 40
        return out

    return _unknown("spot", change)


def solarize(random: Random, pipeline: Pipeline) -> Bug:
    """Bright tones turned over."""
    return _unknown("solarize", lambda v: np.where(v >= 128, 255 - v, v))


def _filtered(v: Array, kind: ImageFilter.MultibandFilter) -> Array:
    return np.asarray(Image.fromarray(np.ascontiguousarray(v)).filter(kind))


BUGS: tuple[Draw, ...] = (
    permutation, affine, affine_channels, rotate, flip, crop, corner, letterbox, exif, signed, byte_order, layout, stride,
    chroma, luma_range, matrix, alpha,
)  # fmt: skip
HARMLESS: tuple[Draw, ...] = (kernel, rounding, subsampling)
UNKNOWN: tuple[Draw, ...] = (
    gamma, blur, sharpen, jpeg, noise, stretch_contrast, vignette, posterize, spot, solarize,
)  # fmt: skip


def applies(draw: Draw, pipeline: Pipeline) -> bool:
    """Whether the bug can happen to such an input."""
    return draw is not byte_order or np.dtype(pipeline["dtype"]).itemsize > 1
