"""Which change of the recipe would make the model right more often: the way to a bug that device and reference share.

Every alternative is replayed on the host's fast runtime over the same frames; one is named when it is significantly better
(exact McNemar, Holm-corrected over all that were tried). From the best one the search goes on with the parts that are left.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from farm.compare.accuracy import holm, paired
from farm.model.recipe import Normalize, Recipe

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np

    Array = np.ndarray[Any, Any]

ALPHA = 0.05
NORMALIZATIONS = (
    Normalize(mean=(127.5,) * 3, std=(127.5,) * 3),
    Normalize(mean=(0.0,) * 3, std=(255.0,) * 3),
    Normalize(mean=(0.0,) * 3, std=(1.0,) * 3),
    Normalize(mean=(123.675, 116.28, 103.53), std=(58.395, 57.12, 57.375)),
)
"""What published models use: [-1, 1], [0, 1], plain pixels, ImageNet's mean and deviation (torchvision)."""


@dataclass(frozen=True)
class Better:
    """One change that makes the model significantly more accurate."""

    part: str
    """The assertion it concerns: `channel`, `normalization`, `rotation`."""
    recipe: Recipe
    """With this change, and those found before it."""
    before: int
    """Frames right before the change."""
    after: int
    n: int
    p_value: float
    """McNemar's, Holm-corrected."""


def alternatives(recipe: Recipe, without: frozenset[str] = frozenset()) -> tuple[tuple[str, Recipe], ...]:
    """Recipes that differ from `recipe` in one part, with that part's name; none in the parts `without`."""
    found: list[tuple[str, Recipe]] = []
    if "channel" not in without:
        other = "rgb" if recipe.channels == "bgr" else "bgr"
        found.append(("channel", recipe.model_copy(update={"channels": other})))
    if "normalization" not in without:
        found += [
            ("normalization", recipe.model_copy(update={"normalize": n}))
            for n in NORMALIZATIONS
            if not _alike(n, recipe.normalize)
        ]
    if "rotation" not in without:
        found += [
            ("rotation", recipe.model_copy(update={"rotate": (recipe.rotate + turn) % 360})) for turn in (90, 180, 270)
        ]
    return tuple(found)


def search(recipe: Recipe, right: Callable[[tuple[Recipe, ...]], tuple[Array, ...] | None]) -> tuple[Better, ...]:
    """The chain of changes, most helpful first; empty when no single change helps significantly.

    `right` gives, for recipes, bool [n] arrays over the same labelled frames, or None to end the search.
    """
    chain: list[Better] = []
    while True:
        options = alternatives(recipe, frozenset(b.part for b in chain))
        answers = right((recipe, *(option for _, option in options))) if options else None
        if answers is None:
            return tuple(chain)
        base, others = answers[0], answers[1:]
        p_values = holm([paired(other, base) for other in others])
        gains = [
            (int(other.sum()), -i)
            for i, (other, p) in enumerate(zip(others, p_values, strict=True))
            if p < ALPHA and other.sum() > base.sum()
        ]
        if not gains:
            return tuple(chain)
        after, position = max(gains)
        part, recipe = options[-position]
        chain.append(Better(part, recipe, int(base.sum()), after, len(base), p_values[-position]))


def _alike(a: Normalize, b: Normalize) -> bool:
    """Whether two normalizations feed a model the same values, up to half a unit of 255 and a hundredth."""
    return all(
        abs(m - n) <= 0.5 + 1e-9 and abs(s / t - 1) <= 0.01
        for m, n, s, t in zip(a.mean, b.mean, a.std, b.std, strict=True)
    )
