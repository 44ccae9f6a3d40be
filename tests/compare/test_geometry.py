"""Boxes and masks back into the upright picture, against pictures that really go through the recipe."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from farm.compare.geometry import Geometry
from farm.model.recipe import Recipe
from farm.reference import preprocess

RECIPES = st.builds(
    Recipe,
    rotate=st.sampled_from([0, 90, 180, 270]),
    crop=st.sampled_from([1.0, 0.875, 0.6]),
    fit=st.sampled_from(["stretch", "letterbox"]),
    resize=st.just("nearest"),
    pad=st.just(9),
)


@given(
    RECIPES, st.tuples(st.integers(20, 60), st.integers(20, 60)), st.tuples(st.integers(20, 50), st.integers(20, 50))
)
def test_a_box_around_what_the_model_sees_is_the_object(
    recipe: Recipe, size: tuple[int, int], to: tuple[int, int]
) -> None:
    h, w = size
    top, left, bottom, right = h * 3 // 8, w * 3 // 8, h * 5 // 8, w * 6 // 8
    picture = np.zeros((h, w, 3), np.uint8)
    picture[top:bottom, left:right] = 200
    seen = preprocess.geometry(picture, recipe, *to)[..., 0] == 200
    rows, columns = np.flatnonzero(seen.any(1)), np.flatnonzero(seen.any(0))
    made = np.array([[rows[0] / to[0], columns[0] / to[1], (rows[-1] + 1) / to[0], (columns[-1] + 1) / to[1]]])
    found = Geometry(recipe, h, w, to).boxes(made)[0]
    # A pixel of the input may stand for several of the picture.
    slack = max(h, w) / min(to) / min(h, w) + 1e-9
    assert found == pytest.approx([top / h, left / w, bottom / h, right / w], abs=slack)


@given(RECIPES, st.tuples(st.integers(8, 40), st.integers(8, 40)))
def test_a_map_is_laid_on_the_mask(recipe: Recipe, size: tuple[int, int]) -> None:
    """A map as fine as the kept picture says what the mask says; what the recipe crops away is left out."""
    h, w = size
    mask = np.random.default_rng(h * 41 + w).integers(0, 200, (h, w)).astype(np.uint8)
    turned = np.rot90(mask, recipe.rotate // 90)
    at = preprocess.placed(turned.shape[0], turned.shape[1], recipe, 160, 160)
    made = preprocess.geometry(np.repeat(mask[..., None], 3, 2), recipe, 160, 160)[..., 0]
    said, true = Geometry(recipe, h, w, (160, 160)).classes(made, mask)
    assert said.shape == true.shape == (at.kept_h, at.kept_w)
    assert np.array_equal(said, true)
