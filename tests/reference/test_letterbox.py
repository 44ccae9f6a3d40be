from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from farm.errors import InputsError
from farm.model.recipe import Recipe
from farm.reference import preprocess

BOX = Recipe(fit="letterbox", pad=7)


def test_a_wide_picture_has_bars_above_and_below() -> None:
    made = preprocess.geometry(np.full((10, 40, 3), 200, np.uint8), BOX, 21, 21)
    # s = 21 / 40: 5 rows of 21, from row (21 - 5) // 2 on
    assert (made[8:13] == 200).all()
    assert (made[:8] == 7).all()
    assert (made[13:] == 7).all()


def test_what_fits_is_as_stretched() -> None:
    picture = np.random.default_rng(0).integers(0, 255, (30, 40, 3)).astype(np.uint8)
    stretched = preprocess.geometry(picture, Recipe(), 15, 20)
    assert np.array_equal(preprocess.geometry(picture, BOX, 15, 20), stretched)


@given(st.integers(1, 50), st.integers(1, 50), st.integers(1, 30), st.integers(1, 30), st.sampled_from([1.0, 0.5]))
def test_any_sizes_stay_inside(h: int, w: int, height: int, width: int, crop: float) -> None:
    recipe = BOX.model_copy(update={"crop": crop})
    made = preprocess.geometry(np.full((h, w, 3), 200, np.uint8), recipe, height, width)
    at = preprocess.placed(h, w, recipe, height, width)
    assert made.shape == (height, width, 3)
    assert (made == 200).all(2).sum() == at.height * at.width
    assert at.height == height or at.width == width


@pytest.mark.parametrize(("orientation", "size"), [(1, (20, 30)), (6, (30, 20)), (8, (30, 20)), (3, (20, 30))])
def test_the_size_is_that_of_the_upright_picture(orientation: int, size: tuple[int, int]) -> None:
    data = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.new("RGB", (30, 20)).save(data, "JPEG", exif=exif)
    assert preprocess.size(data.getvalue(), "a.jpg") == size
    assert preprocess.decode(data.getvalue(), "a.jpg").shape[:2] == size
    with pytest.raises(InputsError, match="not a picture"):
        preprocess.size(b"x", "a.jpg")
