"""Changes in words: what the device does, what it should, and the recipe's lines for both."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

import numpy as np

from farm.assess.explain.values import CONSTANT
from farm.assess.explain.views import TURNS
from farm.assess.ranges import line
from farm.model.feeds import of_recipe
from farm.model.feeds import words as range_words
from farm.model.recipe import Normalize, Recipe, Resize
from farm.report.explanation import Change

if TYPE_CHECKING:
    from collections.abc import Sequence

    from farm.assess.explain.fed import Device
    from farm.assess.explain.values import Map
    from farm.assess.explain.views import View

    Array = np.ndarray[Any, Any]

KNOWN = (
    ((127.5,) * 3, (127.5,) * 3),
    ((0.0,) * 3, (255.0,) * 3),
    ((0.0,) * 3, (1.0,) * 3),
    ((127.5,) * 3, (255.0,) * 3),
    ((128.0,) * 3, (128.0,) * 3),
    ((123.675, 116.28, 103.53), (58.395, 57.12, 57.375)),
)
"""Normalizations that published models use; a fitted one that is as near to one of these as fits come is that one."""
CAMERA = {
    "nv21-as-nv12": ("reads NV21 frames as NV12 (U and V swapped)", "read V before U (NV21)"),
    "full-as-limited": ("reads full-range YUV as limited range", "convert with full range (0..255)"),
    "limited-as-full": ("reads limited-range YUV as full range", "convert with limited range (16..235)"),
    "bt601-as-bt709": ("converts BT.601 frames with the matrix of BT.709", "convert with BT.601"),
    "bt709-as-bt601": ("converts BT.709 frames with the matrix of BT.601", "convert with BT.709"),
}
_TURNED = {
    "anti-transpose": "feeds pictures turned by 90 degrees counter-clockwise and mirrored left to right",
    "transpose": "feeds pictures with rows and columns swapped",
    "mirror": "feeds pictures mirrored left to right",
    "flip": "feeds pictures upside down and mirrored (rows in reverse order)",
}


def camera(view: View) -> list[Change]:
    """What is wrong before the picture is one."""
    found = []
    for mistake in view.camera:
        for name in mistake.kinds:
            words, line = CAMERA[name]
            found.append(Change(part="color", name=name, words=words, lines=(line,)))
        if not mistake.kinds:
            words = "feeds pictures whose chroma has half the size (4:2:0)"
            found.append(Change(part="color", name="chroma-subsampled", words=words, lines=("take RGB pictures",)))
    if view.stride:
        found.append(_stride(view.stride, "the camera's picture"))
    return found


def _stride(padding: int, of: str) -> Change:
    told = (
        f"does not skip the {padding} bytes after each row" if padding > 0 else f"skips {-padding} bytes after each row"
    )
    return Change(
        part="layout",
        name="row-stride",
        words=f"reads the rows of {of} with a wrong stride: it {told}",
        parameters={"padding": padding},
        lines=("step from row to row by the buffer's own row stride",),
    )


def geometry(view: View, expected: View, recipe: Recipe) -> list[Change]:
    """What is wrong with orientation, part and size."""
    found = []
    if not view.exif:
        found.append(
            Change(
                part="rotation",
                name="exif-ignored",
                words="ignores the orientation that the files tell (EXIF)",
                lines=("turn each picture as its EXIF orientation says",),
            )
        )
    if view.turn:
        found.append(_turn(view.turn, recipe))
    if view.crop.boxes != expected.crop.boxes:
        found.append(_crop(view, recipe))
    if view.kernel != expected.kernel:
        found.append(_kernel(view, recipe))
    if view.fit != expected.fit:
        found.append(_fit(view, recipe))
    if view.fitted_stride:
        found.append(_stride(view.fitted_stride, "the resized picture"))
    return found


def _turn(turn: int, recipe: Recipe) -> Change:
    name = TURNS[turn]
    words = _TURNED.get(name) or f"feeds pictures turned by {turn * 90} degrees counter-clockwise"
    lines = (f"rotate = {recipe.rotate}",) if turn < 4 else ("do not mirror the picture",)
    return Change(part="rotation", name=name, words=words, parameters={"rotate": turn % 4 * 90}, lines=lines)


def _crop(view: View, recipe: Recipe) -> Change:
    expected = f"where the model expects {recipe.crop:.4g}"
    values = view.crop.values
    parameters: dict[str, float | str] = {"kind": view.crop.kind}
    if view.crop.kind == "centre":
        words = f"keeps {values[0]:.3g} of each side {expected}"
        parameters["crop"] = round(values[0], 4)
    elif view.crop.kind == "square":
        words = f"keeps a square in the middle, {values[0]:.3g} of the shorter side, {expected} of each side"
        parameters["square"] = round(values[0], 4)
    else:
        top, left, height, width = values
        words = (
            f"keeps {height:.3g} x {width:.3g} of each picture from {top:.3g} down and {left:.3g} across "
            f"{expected} of each side, in the middle"
        )
        names = ("top", "left", "height", "width")
        parameters |= {n: round(v, 4) for n, v in zip(names, values, strict=True)}
    return Change(part="resize", name="crop", words=words, parameters=parameters, lines=(f"crop = {recipe.crop:g}",))


def _kernel(view: View, recipe: Recipe) -> Change:
    words = f"resizes by {view.kernel} where the model expects {recipe.resize}"
    return Change(part="resize", name=view.kernel, words=words, lines=(f'resize = "{recipe.resize}"',))


def _fit(view: View, recipe: Recipe) -> Change:
    name = "stretch" if view.fit == "stretch" else "letterbox"
    does = {
        "stretch": "stretches pictures to the model's size",
        "letterbox": "keeps the aspect of pictures and fills the rest",
        "letterbox-start": "keeps the aspect of pictures and fills the rest below or to the right",
    }[view.fit]
    wanted = "stretched ones" if recipe.fit == "stretch" else "letterboxed ones"
    lines = [f'fit = "{recipe.fit}"'] + [f"pad = {recipe.pad}"] * (recipe.fit == "letterbox")
    return Change(part="resize", name=name, words=f"{does} where the model expects {wanted}", lines=tuple(lines))


def pad(value: float, recipe: Recipe) -> Change:
    """Another filling of the letterbox."""
    return Change(
        part="resize",
        name="pad",
        words=f"fills the letterbox with {value:.0f} where the model expects {recipe.pad}",
        parameters={"pad": round(value, 1)},
        lines=(f"pad = {recipe.pad}",),
    )


def values(what: Map, device: Device, recipe: Recipe | None) -> list[Change]:
    """What is wrong with channels and ranges."""
    found = []
    names = _names(recipe, len(what.sources))
    if what.wrapped:
        words = "takes bytes for signed ones: pixels over 127 come out negative"
        found.append(
            Change(part="layout", name="u8-as-i8", words=words, lines=("take each byte as unsigned (value & 0xff)",))
        )
    if what.reordered:
        fed = "".join("A" if s == CONSTANT else names[s] for s in what.sources)
        name = "alpha-order" if CONSTANT in what.sources else fed.lower()
        lines = (f'channels = "{recipe.channels}"',) if recipe is not None else (f"feed {names}",)
        words = f"feeds {fed} where the model expects {names}"
        found.append(Change(part="channel", name=name, words=words, parameters={"order": fed.lower()}, lines=lines))
    if what.affine:
        found.append(_affine(what, device, recipe))
    return found


def _names(recipe: Recipe | None, channels: int) -> str:
    return recipe.channels.upper() if recipe is not None and channels == 3 else "0123456789"[:channels]


def _affine(what: Map, device: Device, recipe: Recipe | None) -> Change:
    slope, offset = np.array(what.slope), np.array(what.offset)
    parameters: dict[str, float | str] = {}
    for c, (s, o) in enumerate(zip(slope, offset, strict=True)):
        parameters |= {f"slope {c}": float(f"{s:.5g}"), f"offset {c}": float(f"{o:.5g}")}
    if recipe is None:
        ends = tuple(sorted((float(o), float(s + o))) for s, o in zip(slope, offset, strict=True))
        fed = range_words(tuple((a, b) for a, b in ends))
        words = f"feeds {fed} where the model expects its inputs as they are ([0, 1])"
        return Change(
            part="normalization",
            name="affine",
            words=words,
            parameters=parameters,
            lines=("feed the inputs unchanged",),
        )
    made = normalization(what, device)
    fed = range_words(of_recipe(recipe.model_copy(update={"normalize": made})))
    words = f"feeds {fed} where the model expects {range_words(of_recipe(recipe))}"
    return Change(
        part="normalization", name="affine", words=words, parameters=parameters, lines=(line(recipe.normalize),)
    )


def normalization(what: Map, device: Device) -> Normalize:
    """The device's: (pixel - mean) / std, as near to a known one as the fit can tell."""
    slope, offset = np.array(what.slope), np.array(what.offset)
    slope = np.where(slope == 0, 1e-9, slope)
    std, mean = device.std / slope, device.mean / slope - offset / slope
    for known_mean, known_std in KNOWN:
        near = np.abs(np.array(known_std) / std - 1) < 0.01
        if near.all() and (np.abs(np.array(known_mean) - mean) < 0.75).all():
            return Normalize(mean=known_mean, std=known_std)
    short = [float(f"{v:.4g}") for v in (*mean, *std)]
    return Normalize(mean=(short[0], short[1], short[2]), std=(short[3], short[4], short[5]))


def saturated(share: float, recipe: Recipe | None) -> Change:
    """Values that the integer input cannot hold."""
    expected = "its inputs as they are" if recipe is None else range_words(of_recipe(recipe))
    return Change(
        part="normalization",
        name="saturated",
        words=f"feeds values beyond what the input can hold ({share:.0%} stick at its limits) "
        f"where the model expects {expected}",
        parameters={"share": round(share, 4)},
        lines=("feed the inputs unchanged",) if recipe is None else (line(recipe.normalize),),
    )


def diff(changes: Sequence[Change], recipe: Recipe | None, made: Normalize | None) -> tuple[str, ...]:
    """Lines of the recipe before and after; a plain sentence where the recipe has no word."""
    found: list[str] = []
    for change in changes:
        device = _device_line(change, recipe, made)
        found.append(f"- {device or 'the device ' + change.words.split(' where the model')[0]}")
        found += [f"+ {wanted}" for wanted in change.lines]
    return tuple(found)


def _device_line(change: Change, recipe: Recipe | None, made: Normalize | None) -> str:
    if recipe is None:
        return ""
    if change.name.startswith("rotate-"):
        return f"rotate = {(recipe.rotate + int(change.parameters['rotate'])) % 360}"
    if change.part == "channel" and change.name in ("rgb", "bgr"):
        return f'channels = "{change.name}"'
    if change.name == "affine" and made is not None:
        return line(made)
    if change.name == "crop" and "crop" in change.parameters:
        return f"crop = {change.parameters['crop']:g}"
    if change.name in get_args(Resize):
        return f'resize = "{change.name}"'
    if change.name in ("stretch", "letterbox"):
        return f'fit = "{change.name}"'
    if change.name == "pad":
        return f"pad = {change.parameters['pad']:g}"
    return ""
