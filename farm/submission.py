"""What a user asks for: the document that travels from the command line to the daemon. Files travel as artifacts."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from farm.model.recipe import Recipe

Kernel = Literal["delegate", "builtin", "reference"]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class InputFrame(_Model):
    """One input. `image`: an encoded picture (PNG, JPEG, ...); `tensor`: a .npy array, one per model input."""

    name: str = Field(max_length=255)
    kind: Literal["image", "tensor"]
    sha256: tuple[str, ...]
    label: int | None = None


class RecipeUse(_Model):
    """A recipe and where it was found (a path, `metadata`, `flags`)."""

    recipe: Recipe
    origin: str


class Submission(_Model):
    """A job as submitted. Every sha256 names an artifact the daemon holds."""

    model_name: str = Field(max_length=255)
    model_sha256: str
    inputs: str = ""
    """Where the frames came from, for people."""
    frames: tuple[InputFrame, ...] = Field(min_length=1, max_length=100_000)
    labels: tuple[str, ...] = ()
    """Class names by index, where known."""
    recipe: RecipeUse | None = None
    """What the device does to the frames; None for raw tensors."""
    expected: RecipeUse | None = None
    """What the model was trained with, where that is known apart from `recipe`; the references use it."""
    selector: str = Field(default="", max_length=4096)
    references: tuple[str, ...] = ("litert-ref",)
    kernel: Kernel = "delegate"
    threads: int = Field(default=1, ge=1, le=64)
    warmup: int = Field(default=5, ge=0, le=1000)
    repetitions: int = Field(default=1, ge=1, le=1000)
    layer_frames: int = Field(default=8, ge=0, le=1000)
    pass_timeout_s: float = Field(default=600, gt=0, le=86_400)
    """Wall-clock deadline of one pass on the device."""
