"""Masks as PNG files: a class index a pixel, gray or from a palette; 255 does not count."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from farm.errors import InputsError
from farm.store.artifacts import sha256_of
from farm.truth.contract import Truth

if TYPE_CHECKING:
    from pathlib import Path

    Array = np.ndarray[Any, Any]

IGNORED = 255
LIMIT_PIXELS = 64 << 20
LIMIT_BYTES = 256 << 20
MODES = frozenset({"L", "P", "1"})
REMEDY = "save it as PNG with 8 bits of gray or a palette, a class index a pixel"


def read(folder: Path) -> Truth:
    """The masks of a folder: `<name of the picture without its ending>.png`.

    Raises:
        InputsError: naming the file: none there, or not such a PNG.
    """
    found: dict[str, dict[str, object]] = {}
    files: dict[str, Path] = {}
    for path in sorted(p for p in folder.iterdir() if p.is_file() and p.suffix.lower() == ".png"):
        if path.stat().st_size > LIMIT_BYTES:
            raise InputsError(f"is larger than {LIMIT_BYTES >> 20} MiB", where=str(path), remedy=REMEDY)
        decode(path.read_bytes(), str(path))
        sha256 = sha256_of(path)
        found[path.stem] = {"mask": sha256}
        files[sha256] = path
    if not found:
        raise InputsError("holds no .png masks", where=str(folder), remedy="one for each picture, of the same name")
    return Truth(path=folder, task="segmentation", by_file=found, files=files, by_stem=True)


def decode(data: bytes, name: str) -> Array:
    """u8 [height, width] of class indices.

    Raises:
        InputsError: naming the file: not a PNG, broken, of colors or 16 bits, or over `LIMIT_PIXELS`.
    """
    try:
        with Image.open(io.BytesIO(data), formats=("PNG",)) as image:
            if image.width * image.height > LIMIT_PIXELS:
                raise InputsError(
                    f"has {image.width}x{image.height} pixels, over {LIMIT_PIXELS >> 20} Mi", where=name, remedy=REMEDY
                )
            if image.mode not in MODES:
                raise InputsError(f"has pixels of type {image.mode}, no class indices", where=name, remedy=REMEDY)
            return np.asarray(image).astype(np.uint8)
    except InputsError:
        raise
    except Exception as e:  # Pillow's plugins raise whatever their parsing does
        raise InputsError(f"is not a PNG that can be read ({e})", where=name, remedy=REMEDY) from e
