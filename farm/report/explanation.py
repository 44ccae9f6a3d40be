"""How an input that differs was explained: what the device does otherwise, how sure, and the lines that mend it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from farm.report.base import Part

ExplanationKind = Literal["agrees", "named", "unexplained", "not identifiable"]


class Change(Part):
    """One thing that the device does otherwise than the references."""

    part: str
    """The assertion it concerns: `channel`, `normalization`, `rotation`, `resize`, `color`, `layout`, `audio`, `text`."""
    name: str
    """Canonical, for scripts: `bgr`, `rotate-90`, `nv21-as-nv12`, `affine`, ...; parameters apart."""
    words: str
    """`feeds BGR where the model expects RGB`."""
    parameters: dict[str, float | str] = Field(default={})
    lines: tuple[str, ...] = ()
    """Of the recipe, as they must be."""


class Explanation(Part):
    """Of the model's input, over the frames whose inputs were logged. Residuals are RMSE / range of the device's input."""

    kind: ExplanationKind
    changes: tuple[Change, ...] = ()
    """In the order the recipe applies them; the fewest that explain as well as the best do."""
    residual: float = 0.0
    unexplained: float = 0.0
    """Residual without any explanation."""
    second: tuple[Change, ...] = ()
    """The best explanation that is not equivalent."""
    second_residual: float | None = None
    equivalent: tuple[tuple[str, ...], ...] = ()
    """Names of the changes of other explanations that these frames cannot tell from this one."""
    reason: str = ""
    """Why it is not identifiable, or what nothing explains."""
    harmless: bool = False
    """A difference as two right implementations have it (another antialiasing, rounding)."""
    diff: tuple[str, ...] = ()
    """Of the recipe: lines that begin with `-` (what the device does) and `+` (what it should)."""
    frames: int = 0
