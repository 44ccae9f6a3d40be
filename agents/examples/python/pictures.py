"""What both pipelines do to a picture before their model sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from pathlib import Path

Array = np.ndarray[Any, Any]
KEPT = 0.875


def files(folder: Path) -> list[Path]:
    """The pictures of a folder, in order."""
    return sorted(folder.glob("*.png"))


def read(file: Path) -> Array:
    """uint8 [height, width, RGB]."""
    return np.asarray(Image.open(file).convert("RGB"))


def prepared(picture: Array, side: int, resample: Image.Resampling = Image.Resampling.BILINEAR) -> Array:
    """The middle of a picture in the model's size, from -1 to 1: float32 [1, side, side, RGB]."""
    height, width = (int(length * KEPT + 0.5) for length in picture.shape[:2])
    top, left = (picture.shape[0] - height) // 2, (picture.shape[1] - width) // 2
    middle = Image.fromarray(picture[top : top + height, left : left + width])
    small = np.asarray(middle.resize((side, side), resample), np.float32)
    return np.ascontiguousarray(small[None] / np.float32(127.5) - 1)
