"""What a user asks for: the document that travels from the command line to the daemon. Files travel as artifacts."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from farm.model.recipe import Recipe

Kernel = Literal["delegate", "builtin", "reference"]
Accelerator = Literal["cpu", "gpu", "npu"]
Pass = Literal["latency", "profile", "layers", "isolated"]
PASSES: tuple[Pass, ...] = ("latency", "profile", "layers", "isolated")


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
    passes: tuple[Pass, ...] = PASSES

    @field_validator("passes")
    @classmethod
    def _latency_is_among_them(cls, passes: tuple[Pass, ...]) -> tuple[Pass, ...]:
        if "latency" not in passes:
            raise ValueError("latency cannot be left out: answers and memory come from it")
        return passes

    layer_frames: int = Field(default=8, ge=0, le=1000)
    """Frames whose every layer is kept in full."""
    statistics_frames: int = Field(default=64, ge=0, le=100_000)
    """Frames of which the `layers` pass keeps statistics, less those kept in full."""
    layer_budget_mb: int = Field(default=1024, ge=1, le=1 << 20)
    """MiB of tensors in one capture; frames beyond it have statistics only."""
    profile_frames: int = Field(default=32, ge=0, le=1000)
    isolated_frames: int = Field(default=2, ge=0, le=1000)
    """Frames of the `isolated` pass; each is fed with every tensor of the reference, so each is as large as its layers."""
    accelerator: Accelerator = "cpu"
    cpu_mask: int = Field(default=0, ge=0, lt=1 << 64)
    """Bit n allows cpu n; 0 leaves it to the device."""
    pass_timeout_s: float = Field(default=600, gt=0, le=86_400)
    """Wall-clock deadline of one pass on the device."""
