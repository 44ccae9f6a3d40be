"""Pictures are cropped and resized as for training."""

from __future__ import annotations

from typing import TYPE_CHECKING

from farm.report.document import Finding

if TYPE_CHECKING:
    from farm.assess.evidence import Evidence


def check(evidence: Evidence) -> Finding | None:
    """Applies to pictures, where the device's input was logged: accuracy alone cannot show it on few frames."""
    recipe, seen = evidence.recipe, evidence.transform
    if recipe is None or seen is None:
        return None
    if "resize" not in seen.parts:
        return Finding(assertion="resize", holds=True, summary="Nothing speaks for another crop or interpolation")
    shape = seen.shape
    method = f"resizes by {shape.resize} where the model expects {recipe.resize}" if shape.resize else ""
    crop = f"keeps {shape.crop:.3g} of each side where the model expects {recipe.crop:.3g}" if shape.crop else ""
    summary = " and ".join(filter(None, (method, crop))) or "interpolates in a way of its own"
    lines = [f'resize = "{recipe.resize}"'] * bool(method or not crop) + [f"crop = {recipe.crop:g}"] * bool(crop)
    return Finding(
        assertion="resize",
        holds=False,
        summary=f"The device {summary}",
        evidence={"residual": seen.residual, "without explanation": seen.unexplained},
        remedy=evidence.mend(", ".join(lines)),
    )
