"""The recipe: what stands between a decoded picture and the model's input, and what the output means.

It is found as `--recipe FILE`, as `<model>.recipe.toml` or `model.recipe.toml` beside the model, or in the
model's own TFLite metadata. docs/recipes.md explains every word.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from farm import tomlfile
from farm.errors import RecipeError

if TYPE_CHECKING:
    from pathlib import Path

Resize = Literal["bilinear", "bilinear-half-pixel", "bilinear-align-corners", "bilinear-legacy", "nearest", "area"]
Channels = Literal["rgb", "bgr"]
Rotation = Literal[0, 90, 180, 270]


def _per_channel(value: Any) -> Any:
    return (value,) * 3 if isinstance(value, int | float) and not isinstance(value, bool) else value


PerChannel = Annotated[tuple[float, float, float], BeforeValidator(_per_channel)]


class Normalize(BaseModel):
    """(pixel - mean) / std for each channel as the model is fed, in pixel units 0..255."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    mean: PerChannel
    std: PerChannel

    @model_validator(mode="after")
    def _std_is_not_zero(self) -> Normalize:
        if any(s == 0 for s in self.std):
            raise ValueError("std must not be 0")
        return self


class Recipe(BaseModel):
    """Pre-processing in the order it is applied: rotate, crop, resize, channels, normalize, quantize."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    task: Literal["classification"] = "classification"
    rotate: Rotation = 0
    """Degrees counter-clockwise."""
    crop: float = Field(default=1.0, gt=0, le=1)
    """The centre fraction of each side that is kept."""
    resize: Resize = "bilinear"
    """`bilinear` is antialiased (Pillow's); the others are spelled out."""
    channels: Channels = "rgb"
    normalize: Normalize = Normalize(mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))

    def arguments(self) -> list[str]:
        """As flags of the agent."""
        mean, std = (",".join(repr(v) for v in values) for values in (self.normalize.mean, self.normalize.std))
        return [
            *("--rotate", str(self.rotate), "--crop", repr(self.crop), "--resize", self.resize),
            *("--channels", self.channels, "--mean", mean, "--std", std),
        ]


def load(path: Path) -> Recipe:
    """Read a recipe file.

    Raises:
        RecipeError: naming file, line and key.
    """
    return tomlfile.load(path, Recipe, RecipeError)


def beside(model: Path) -> Path | None:
    """The recipe file that belongs to `model`: its own, else the one for all models of the folder."""
    for candidate in (model.with_name(f"{model.stem}.recipe.toml"), model.with_name("model.recipe.toml")):
        if candidate.is_file():
            return candidate
    return None
