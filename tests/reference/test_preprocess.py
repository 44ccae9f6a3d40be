"""The recipe on the host, against the words of its definition, pixel by pixel."""

from __future__ import annotations

import io
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from farm.errors import InputsError
from farm.model.graph import Tensor
from farm.model.recipe import Normalize, Recipe
from farm.reference import preprocess

if TYPE_CHECKING:
    from collections.abc import Callable

Array = np.ndarray[Any, Any]
images = hnp.arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9), st.just(3)))
sizes = st.integers(1, 12)


def sample_at(row: list[float], at: float) -> float:
    at = min(max(at, 0.0), len(row) - 1.0)
    low = math.floor(at)
    high = min(low + 1, len(row) - 1)
    return row[low] * (1 - (at - low)) + row[high] * (at - low)


def by_definition(row: list[float], out: int, method: str) -> list[float]:
    size = len(row)
    if method == "area":
        made = []
        for i in range(out):
            start, end = i * size / out, (i + 1) * size / out
            cover = [max(0.0, min(end, j + 1) - max(start, j)) for j in range(size)]
            made.append(sum(c * v for c, v in zip(cover, row, strict=True)) / (end - start))
        return made
    if method == "nearest":
        return [row[math.floor((2 * i + 1) * size / (2 * out))] for i in range(out)]
    places: dict[str, Callable[[int], float]] = {
        "bilinear-half-pixel": lambda i: (i + 0.5) * size / out - 0.5,
        "bilinear-align-corners": lambda i: 0.0 if out == 1 else i * (size - 1) / (out - 1),
        "bilinear-legacy": lambda i: i * size / out,
    }
    return [sample_at(row, places[method](i)) for i in range(out)]


@pytest.mark.parametrize(
    "method", ["bilinear-half-pixel", "bilinear-align-corners", "bilinear-legacy", "nearest", "area"]
)
@settings(max_examples=40, deadline=None)
@given(image=images, height=sizes, width=sizes)
def test_resizing_is_what_the_recipe_says(method: str, image: Array, height: int, width: int) -> None:
    columns = np.array(
        [[by_definition(image[:, x, c].tolist(), height, method) for c in range(3)] for x in range(image.shape[1])]
    )  # x, c, y
    wanted = np.array(
        [[by_definition(columns[:, c, y].tolist(), width, method) for c in range(3)] for y in range(height)]
    )
    found = preprocess.resize(image, method, height, width)
    assert found.shape == (height, width, 3)
    assert found.dtype == np.uint8
    # A value that is exactly half way may round either way after other sums.
    assert np.abs(found - wanted.transpose(0, 2, 1)).max() <= 0.5 + 1e-6


@settings(max_examples=40, deadline=None)
@given(image=images, turns=st.integers(0, 3), crop=st.floats(0.01, 1.0))
def test_turning_and_cropping_keep_the_middle(image: Array, turns: int, crop: float) -> None:
    recipe = Recipe(rotate=turns * 90, crop=crop, resize="nearest")  # type: ignore[arg-type]
    turned = np.rot90(image, turns)
    kept = [max(1, math.floor(side * crop + 0.5)) for side in turned.shape[:2]]
    top, left = ((side - k) // 2 for side, k in zip(turned.shape[:2], kept, strict=True))
    found = preprocess.geometry(image, recipe, kept[0], kept[1])
    assert np.array_equal(found, turned[top : top + kept[0], left : left + kept[1]])


def test_channels_are_ordered_before_they_are_normalized() -> None:
    pixels = np.array([[[10, 20, 30]]], np.uint8)
    recipe = Recipe(channels="bgr", normalize=Normalize(mean=(1, 2, 3), std=(1, 2, 3)))
    assert preprocess.values(pixels, recipe).tolist() == [[[29.0, 9.0, pytest.approx(7 / 3)]]]


@given(
    values=hnp.arrays(np.float32, 20, elements=st.floats(-1e6, 1e6, width=32)),
    zero=st.integers(-128, 127),
    exponent=st.integers(-10, 3),
)
def test_quantizing_rounds_half_away_and_clamps(values: Array, zero: int, exponent: int) -> None:
    scale = 2.0**exponent
    tensor = Tensor(0, "x", "int8", (20,), (scale,), (zero,), 0, constant=False)
    found = preprocess.quantize(values, tensor)
    for q, x in zip(found.tolist(), (values / np.float32(scale)).tolist(), strict=True):
        wanted = math.copysign(math.floor(abs(x) + 0.5), x) + zero
        assert abs(q - min(127, max(-128, wanted))) <= (1 if abs(x) % 1 == 0.5 or abs(x) > 1e6 else 0)


def test_a_picture_is_turned_upright_and_made_rgb() -> None:
    image = Image.new("L", (2, 1))
    image.putdata([0, 255])
    exif = Image.Exif()
    exif[0x0112] = 6  # stored lying on its side
    file = io.BytesIO()
    image.save(file, "PNG", exif=exif)
    assert preprocess.decode(file.getvalue(), "a.png").tolist() == [[[0, 0, 0]], [[255, 255, 255]]]


@given(st.binary(max_size=200))
def test_what_is_no_picture_is_named(data: bytes) -> None:
    with pytest.raises(InputsError, match=r"frame\.jpg"):
        preprocess.decode(data, "frame.jpg")


def test_a_broken_picture_is_named() -> None:
    file = io.BytesIO()
    Image.effect_noise((64, 64), 80).save(file, "PNG")
    with pytest.raises(InputsError, match=r"frame\.png"):
        preprocess.decode(file.getvalue()[:1500], "frame.png")


def test_a_picture_that_unpacks_to_too_much_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preprocess, "LIMIT_PIXELS", 99)
    file = io.BytesIO()
    Image.new("RGB", (10, 10)).save(file, "PNG")
    with pytest.raises(InputsError, match="10x10 pixels"):
        preprocess.decode(file.getvalue(), "bomb.png")
