"""Pictures through the farm's own app: which recipes Android's classes do."""

from __future__ import annotations

import pytest

from farm.errors import RecipeError
from farm.model.recipe import Audio, Normalize, Recipe
from farm.run.app.play import options


def test_a_recipe_becomes_arguments_that_say_the_same() -> None:
    recipe = Recipe(
        rotate=90, resize="nearest", channels="bgr",
        normalize=Normalize(mean=(123.68, 116.78, 103.94), std=(1.0, 58.395, 57.12)),
    )  # fmt: skip
    told = options(recipe)
    assert told == {
        "rotate": "90", "resize": "nearest", "channels": "bgr", "mean": "123.68,116.78,103.94", "std": "1.0,58.395,57.12",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("recipe", "word"),
    [
        (Recipe(crop=0.875), "crop = 0.875"),
        (Recipe(fit="letterbox"), 'fit = "letterbox"'),
        (Recipe(resize="area"), 'resize = "area"'),
        (Recipe(audio=Audio()), "sound"),
        (None, "needs a recipe"),
    ],
)
def test_what_bitmap_does_not_do_is_refused_in_its_words(recipe: Recipe | None, word: str) -> None:
    with pytest.raises(RecipeError, match=word.replace("(", r"\(")) as caught:
        options(recipe)
    assert caught.value.remedy
