"""Pictures for the app's decoder, and what Pillow makes of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageOps

if TYPE_CHECKING:
    from pathlib import Path

    Array = np.ndarray[Any, Any]

SIZE = (90, 120)
ORIENTATION = 0x0112
SIZES = ((32, 32), (120, 90), (97, 61), (240, 300), (8, 200))
"""Width and height to resize to: smaller, the same, odd, larger, both."""


@dataclass(frozen=True)
class Job:
    """What the app is to do with a picture; 0 pixels: no resizing."""

    name: str
    rotate: int = 0
    width: int = 0
    height: int = 0
    resize: str = "bilinear"

    @property
    def out(self) -> str:
        return f"{self.name}-{self.rotate}-{self.width}-{self.height}-{self.resize}.argb"


def photo() -> Array:
    """Slopes, edges and a little grain, as photographs have them."""
    rng = np.random.default_rng(11)
    y, x = np.mgrid[: SIZE[0], : SIZE[1]].astype(float)
    channels = [128 + 90 * np.sin(x / 17 + c) * np.cos(y / (13 + c)) + 30 * (x + c > y) for c in range(3)]
    return np.clip(np.stack(channels, -1) + rng.normal(0, 3, (*SIZE, 3)), 0, 255).astype(np.uint8)


def write(folder: Path) -> list[str]:
    """The pictures, as files; their names."""
    image = Image.fromarray(photo())
    image.save(folder / "rgb.png")
    image.convert("L").save(folder / "gray.png")
    image.convert("P", palette=Image.Palette.ADAPTIVE).save(folder / "palette.png")
    image.save(folder / "full.jpg", quality=95, subsampling=0)
    image.save(folder / "half.jpg", quality=85, subsampling=2)
    image.save(folder / "progressive.jpg", quality=85, progressive=True)
    image.convert("L").save(folder / "gray.jpg", quality=90)
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[ORIENTATION] = orientation
        image.save(folder / f"exif{orientation}.jpg", quality=95, subsampling=0, exif=exif)
    alpha = np.linspace(0, 255, SIZE[1]).astype(np.uint8)[None].repeat(SIZE[0], 0)
    names = sorted(path.name for path in folder.iterdir())
    Image.fromarray(np.concatenate([photo(), alpha[..., None]], -1)).save(folder / "alpha.png")
    (folder / "broken.png").write_bytes((folder / "rgb.png").read_bytes()[:40])
    return names


def jobs(names: list[str]) -> list[Job]:
    """All that the app is to do."""
    turned = [Job("rgb.png", rotate=degrees) for degrees in (90, 180, 270)]
    sized = [Job("rgb.png", 0, *size, how) for size in SIZES for how in ("bilinear", "nearest")]
    return [*(Job(name) for name in (*names, "alpha.png")), *turned, *sized]


def read(path: Path) -> Array:
    """Red, green, blue and alpha of a file of PicturesTest's."""
    data = np.fromfile(path, "<i4")
    width, height = data[:2]
    argb = data[2:].astype(np.int64).reshape(height, width)
    return np.stack([argb >> shift & 255 for shift in (16, 8, 0, 24)], -1).astype(np.uint8)


def decoded(path: Path) -> Array:
    """By Pillow, upright."""
    with Image.open(path) as image:
        return np.asarray(ImageOps.exif_transpose(image).convert("RGB"))


def resized(pixels: Array, width: int, height: int, how: str) -> Array:
    """By Pillow, with nothing averaged where it gets smaller."""
    image = Image.fromarray(pixels)
    matrix = (image.width / width, 0, 0, 0, image.height / height, 0)
    resample = Image.Resampling.BILINEAR if how == "bilinear" else Image.Resampling.NEAREST
    return np.asarray(image.transform((width, height), Image.Transform.AFFINE, matrix, resample=resample))


def apart(first: Array, second: Array) -> int:
    """The largest difference of a channel."""
    assert first.shape == second.shape
    return int(np.abs(first.astype(int) - second).max())
