"""The model's inputs: what their ranges were calibrated for, against what a recipe or the model's metadata feeds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from farm.model import metadata
from farm.model.feeds import COMMON, of_recipe, words
from farm.model.opened import ACTIVATIONS, span
from farm.model.recipe import Recipe
from farm.model.rules.finding import found

if TYPE_CHECKING:
    from collections.abc import Iterator

    from farm.model.feeds import Ranges
    from farm.model.graph import Tensor
    from farm.model.opened import Opened
    from farm.report.quantization import Issue

TOLERANCE = 0.05
"""Share of the range fed that may lie outside of the input's: calibration rounds its limits."""
WASTED = 0.75
"""Share of the input's range that is never fed: two of its bits."""


def check(opened: Opened) -> Iterator[Issue]:
    """Rules `input-cut`, `input-unused`, `input-range`."""
    inputs = [opened.graph.tensors[t] for t in opened.graph.inputs if t >= 0]
    pictures = [t for t in inputs if t.dtype in ACTIVATIONS and t.scale and len(t.shape) == 4 and t.shape[3] == 3]
    if len(inputs) != 1 or len(pictures) != 1:
        return
    (tensor,) = pictures
    held = span(tensor)
    if held is None:
        return
    fed, told = _fed(opened)
    if fed is None:
        yield _guess(tensor, held)
        return
    low, high = min(a for a, _ in fed), max(b for _, b in fed)
    cut = lost(held, fed)
    if cut > TOLERANCE:
        yield found(
            "input-cut",
            "error",
            f"the input was calibrated for {words((held,))}, {told} feeds {words(fed)}: {cut:.0%} of the range is cut off",
            "what lies outside becomes the limit, and every later layer was calibrated on other values, too",
            "quantize again, with representative inputs that went through this recipe; or the recipe is wrong",
            tensor=tensor,
            cut=cut,
            calibrated_low=held[0],
            calibrated_high=held[1],
            fed_low=low,
            fed_high=high,
        )
    unused = 1 - (high - low) / (held[1] - held[0])
    if cut <= TOLERANCE and unused > WASTED:
        yield found(
            "input-unused",
            "error",
            f"the input holds {words((held,))}, {told} feeds {words(fed)}: {unused:.0%} of it is never used",
            "pictures lose that share of their shades, and every later layer was calibrated on other values, too",
            "quantize again, with representative inputs that went through this recipe; or the recipe is wrong",
            tensor=tensor,
            unused=unused,
        )


def lost(held: tuple[float, float], fed: Ranges) -> float:
    """Share of the range fed that a tensor which holds `held` cuts off."""
    low, high = min(a for a, _ in fed), max(b for _, b in fed)
    return (max(0.0, held[0] - low) + max(0.0, high - held[1])) / (high - low)


def _fed(opened: Opened) -> tuple[Ranges | None, str]:
    if opened.recipe is not None and opened.recipe.kind == "image":
        return of_recipe(opened.recipe), "the recipe"
    told = metadata.recipe(opened.graph, Recipe())
    return (None, "") if told is None else (of_recipe(told), "its metadata")


def _guess(tensor: Tensor, held: tuple[float, float]) -> Issue:
    fitting = [words(of_recipe(Recipe(normalize=n))) for n in COMMON if _fits(held, of_recipe(Recipe(normalize=n)))]
    return found(
        "input-range",
        "note",
        f"the input holds {words((held,))}"
        + (
            f": calibrated for pictures fed as {', or '.join(fitting)}"
            if fitting
            else ", which is no usual normalization"
        ),
        "fed with anything else the model answers wrongly, and nothing in the file says what it is to be fed",
        "keep a recipe beside the model (docs/recipes.md); lint compares the two then",
        tensor=tensor,
        low=held[0],
        high=held[1],
    )


def _fits(held: tuple[float, float], fed: Ranges) -> bool:
    low, high = min(a for a, _ in fed), max(b for _, b in fed)
    return lost(held, fed) <= TOLERANCE and (held[1] - held[0]) <= (1 + 2 * TOLERANCE) * (high - low)
