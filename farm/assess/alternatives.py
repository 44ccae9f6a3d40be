"""Which change of the recipe would make the model right more often: the way to a bug that device and reference share.

Every alternative is replayed on the host's fast runtime over the same frames; one is named when it is significantly better
(a paired test of the frames' scores, Holm-corrected over all that were tried). From the best one the search goes on with the
parts that are left.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from farm.compare.accuracy import holm
from farm.compare.resample import paired_scores
from farm.model.feeds import COMMON

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np

    from farm.model.recipe import Normalize, Recipe

    Array = np.ndarray[Any, Any]

ALPHA = 0.05


@dataclass(frozen=True)
class Better:
    """One change that makes the model significantly more accurate."""

    part: str
    """The assertion it concerns: `channel`, `normalization`, `rotation`."""
    recipe: Recipe
    """With this change, and those found before it."""
    before: float
    """Sum of the frames' scores before the change: frames right, where a frame is right or wrong."""
    after: float
    n: int
    p_value: float
    """As of `resample.paired_scores`, Holm-corrected."""


def alternatives(recipe: Recipe, without: frozenset[str] = frozenset()) -> tuple[tuple[str, Recipe], ...]:
    """Recipes that differ from `recipe` in one part, with that part's name; none in the parts `without`."""
    found: list[tuple[str, Recipe]] = []
    if "channel" not in without:
        other = "rgb" if recipe.channels == "bgr" else "bgr"
        found.append(("channel", recipe.model_copy(update={"channels": other})))
    if "normalization" not in without:
        found += [
            ("normalization", recipe.model_copy(update={"normalize": n}))
            for n in COMMON
            if not _alike(n, recipe.normalize)
        ]
    if "rotation" not in without:
        found += [
            ("rotation", recipe.model_copy(update={"rotate": (recipe.rotate + turn) % 360})) for turn in (90, 180, 270)
        ]
    return tuple(found)


def search(recipe: Recipe, right: Callable[[tuple[Recipe, ...]], tuple[Array, ...] | None]) -> tuple[Better, ...]:
    """The chain of changes, most helpful first; empty when no single change helps significantly.

    `right` gives, for recipes, scores [n] over the same labelled frames, or None to end the search.
    """
    chain: list[Better] = []
    while True:
        options = alternatives(recipe, frozenset(b.part for b in chain))
        answers = right((recipe, *(option for _, option in options))) if options else None
        if answers is None:
            return tuple(chain)
        base, others = answers[0], answers[1:]
        p_values = holm([paired_scores(other, base) for other in others])
        gains = [
            (float(other.sum()), -i)
            for i, (other, p) in enumerate(zip(others, p_values, strict=True))
            if p < ALPHA and other.sum() > base.sum()
        ]
        if not gains:
            return tuple(chain)
        after, position = max(gains)
        part, recipe = options[-position]
        chain.append(Better(part, recipe, float(base.sum()), after, len(base), p_values[-position]))


def _alike(a: Normalize, b: Normalize) -> bool:
    """Whether two normalizations feed a model the same values, up to half a unit of 255 and a hundredth."""
    return all(
        abs(m - n) <= 0.5 + 1e-9 and abs(s / t - 1) <= 0.01
        for m, n, s, t in zip(a.mean, b.mean, a.std, b.std, strict=True)
    )
