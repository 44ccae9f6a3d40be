"""The recipe's line that says a range."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from farm.model.recipe import Normalize


def line(normalize: Normalize) -> str:
    """The recipe's line."""
    mean, std = (
        f"{v[0]:g}" if len(set(v)) == 1 else f"[{', '.join(f'{x:g}' for x in v)}]"
        for v in (normalize.mean, normalize.std)
    )
    return f"normalize = {{ mean = {mean}, std = {std} }}"
