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
Task = Literal["classification", "detection", "segmentation", "regression"]
InputKind = Literal["image", "audio", "text"]


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


class Audio(BaseModel):
    """A clip into a waveform or features: channel, resample, fit to length, scale, spectrum, mel, log, DCT, normalize.

    The formulas are TensorFlow's (`tf.signal`); docs/recipes.md spells them out.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    sample_rate: int = Field(default=16_000, ge=100, le=384_000)
    """Hz that the model expects; clips of another rate are resampled."""
    channel: Literal["mean", "left", "right"] = "mean"
    scale: Literal["unit", "int16"] = "unit"
    """Samples in [-1, 1), or as 16-bit integers are."""
    features: Literal["waveform", "log-mel", "mfcc"] = "waveform"
    window: Literal["hann", "hamming", "rectangular"] = "hann"
    """Periodic."""
    frame_length: int = Field(default=480, ge=1, le=1 << 16)
    """Samples."""
    frame_step: int = Field(default=320, ge=1, le=1 << 16)
    fft_length: int = Field(default=512, ge=2, le=1 << 17)
    """A power of two, at least `frame_length`."""
    spectrum: Literal["magnitude", "power"] = "magnitude"
    mel_bins: int = Field(default=40, ge=1, le=1024)
    low_hz: float = Field(default=20.0, ge=0)
    high_hz: float = Field(default=4000.0, gt=0)
    log: Literal["e", "10", "db"] = "e"
    """Natural, decimal, or ten times decimal."""
    log_floor: float = Field(default=1e-6, gt=0)
    """Added before the logarithm."""
    coefficients: int = Field(default=10, ge=1, le=1024)
    """Of an MFCC, the first ones."""
    mean: float = 0.0
    std: float = Field(default=1.0, gt=0)
    """The values fed are (value - mean) / std."""

    @property
    def width(self) -> int:
        """Values of one frame of features."""
        return self.coefficients if self.features == "mfcc" else self.mel_bins

    @model_validator(mode="after")
    def _can_be_computed(self) -> Audio:
        if self.features == "waveform":
            return self
        if self.fft_length & (self.fft_length - 1) or self.fft_length < self.frame_length:
            raise ValueError(f"fft_length {self.fft_length} is not a power of two of at least {self.frame_length}")
        if not self.low_hz < self.high_hz <= self.sample_rate / 2:
            raise ValueError(f"low_hz and high_hz must be in order and at most {self.sample_rate / 2:g}")
        if self.coefficients > self.mel_bins and self.features == "mfcc":
            raise ValueError(f"{self.coefficients} coefficients of {self.mel_bins} mel_bins")
        return self

    def arguments(self) -> list[str]:
        """As flags of the agent."""
        waveform = [
            *("--sample-rate", str(self.sample_rate), "--channel", self.channel, "--scale", self.scale),
            *("--features", self.features, "--audio-mean", repr(self.mean), "--audio-std", repr(self.std)),
        ]
        if self.features == "waveform":
            return waveform
        return [
            *waveform,
            *("--window", self.window, "--frame-length", str(self.frame_length), "--frame-step", str(self.frame_step)),
            *("--fft-length", str(self.fft_length), "--spectrum", self.spectrum, "--mel-bins", str(self.mel_bins)),
            *("--low-hz", repr(self.low_hz), "--high-hz", repr(self.high_hz), "--log", self.log),
            *("--log-floor", repr(self.log_floor)),
            *(("--coefficients", str(self.coefficients)) if self.features == "mfcc" else ()),
        ]


Id = Annotated[int, Field(ge=-(1 << 31), lt=1 << 31)]


class Text(BaseModel):
    """Words into token ids: lower case, split, look up, truncate, pad."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    vocabulary: str
    """Path of the token list, relative to the recipe's file; in a submission the sha256 of an artifact."""
    tokenizer: Literal["words", "wordpiece"] = "words"
    lowercase: bool = True
    padding: Literal["right", "left"] = "right"
    truncation: Literal["tail", "head"] = "tail"
    """Which end is cut off."""
    start: Id | None = None
    """Id put before the first token."""
    end: Id | None = None
    """Id put after the last token."""
    unknown: Id = 0
    pad: Id = 0
    inputs: tuple[Literal["ids", "mask", "segments"], ...] = Field(default=("ids",), min_length=1, max_length=16)
    """What each model input is: token ids; 1 where a token is; zeros."""

    def arguments(self) -> list[str]:
        """As flags of the agent, but for `--vocabulary`."""
        return [
            *("--tokenizer", self.tokenizer, "--lowercase", "yes" if self.lowercase else "no"),
            *("--padding", self.padding, "--truncation", self.truncation, "--pad-id", str(self.pad)),
            *("--unknown-id", str(self.unknown), "--text-inputs", ",".join(self.inputs)),
            *(("--start-id", str(self.start)) if self.start is not None else ()),
            *(("--end-id", str(self.end)) if self.end is not None else ()),
        ]


Position = Annotated[
    Annotated[int, Field(ge=0)] | None, BeforeValidator(lambda value: None if value == "none" else value)
]
"""TOML has no word for None."""


class Detection(BaseModel):
    """What a detector's outputs mean; positions count the model's outputs."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    boxes: int = Field(default=0, ge=0)
    scores: int = Field(default=2, ge=0)
    """[n] of the classes given by `classes`, or [n, classes] where that is None."""
    classes: Position = 1
    count: Position = 3
    """How many of the rows hold; None: all."""
    format: Literal["yxyx", "xyxy", "center"] = "yxyx"
    """`center`: x, y, width, height."""
    units: Literal["relative", "pixels"] = "relative"
    nms: Literal["model", "host"] = "model"
    """Whether overlapping boxes are still to be removed."""
    iou: float = Field(default=0.5, gt=0, le=1)
    """Overlap above which non-maximum suppression drops a box of the same class."""
    score: float = Field(default=0.3, ge=0, le=1)
    """Detections below it do not count, but for the mean average precision."""
    limit: int = Field(default=100, ge=1, le=10_000)
    first_class: int = 0
    """Label, in the truth, of the model's class 0."""
    background: int | None = None
    """The model's class that means: nothing here."""


class Recipe(BaseModel):
    """Pre-processing in the order it is applied: rotate, crop, resize, channels, normalize, quantize; what the outputs mean.

    With `audio` or `text`, the words about pictures do not apply.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    task: Task = "classification"
    audio: Audio | None = None
    text: Text | None = None
    detection: Detection | None = None
    """Of a detector; its defaults where it is not given."""
    rotate: Rotation = 0
    """Degrees counter-clockwise."""
    crop: float = Field(default=1.0, gt=0, le=1)
    """The centre fraction of each side that is kept."""
    resize: Resize = "bilinear"
    """`bilinear` is antialiased (Pillow's); the others are spelled out."""
    fit: Literal["stretch", "letterbox"] = "stretch"
    """To the model's height and width; `letterbox` keeps the aspect and fills the rest with `pad`."""
    pad: int = Field(default=0, ge=0, le=255)
    channels: Channels = "rgb"
    normalize: Normalize = Normalize(mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))

    @property
    def kind(self) -> InputKind:
        """What the frames are that it applies to."""
        return "audio" if self.audio is not None else "text" if self.text is not None else "image"

    def with_vocabulary(self, name: str) -> Recipe:
        """The same with another name of the vocabulary: a path, or the sha256 of an artifact. Only with `text`."""
        if self.text is None:
            return self
        return self.model_copy(update={"text": self.text.model_copy(update={"vocabulary": name})})

    @model_validator(mode="after")
    def _one_kind(self) -> Recipe:
        if self.audio is not None and self.text is not None:
            raise ValueError("audio and text cannot both be given")
        return self

    def arguments(self) -> list[str]:
        """As flags of the agent, but for `--vocabulary`: where that file is, who stages it knows."""
        if self.audio is not None:
            return self.audio.arguments()
        if self.text is not None:
            return self.text.arguments()
        mean, std = (",".join(repr(v) for v in values) for values in (self.normalize.mean, self.normalize.std))
        return [
            *("--rotate", str(self.rotate), "--crop", repr(self.crop), "--resize", self.resize, "--fit", self.fit),
            *("--pad", str(self.pad), "--channels", self.channels, "--mean", mean, "--std", std),
        ]


def load(path: Path) -> Recipe:
    """Read a recipe file. The vocabulary's path becomes absolute.

    Raises:
        RecipeError: naming file, line and key; the vocabulary is not there.
    """
    recipe = tomlfile.load(path, Recipe, RecipeError)
    if recipe.text is None:
        return recipe
    vocabulary = (path.parent / recipe.text.vocabulary).absolute()
    if not vocabulary.is_file():
        raise RecipeError(
            f"text.vocabulary: no such file: {vocabulary}",
            where=str(path),
            remedy="give its path from the recipe's folder",
        )
    return recipe.with_vocabulary(str(vocabulary))


def beside(model: Path) -> Path | None:
    """The recipe file that belongs to `model`: its own, else the one for all models of the folder."""
    for candidate in (model.with_name(f"{model.stem}.recipe.toml"), model.with_name("model.recipe.toml")):
        if candidate.is_file():
            return candidate
    return None
