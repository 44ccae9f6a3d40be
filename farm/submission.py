"""What a user asks for: the document that travels from the command line to the daemon. Files travel as artifacts."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from farm.model.recipe import Recipe, Task
from farm.report.measures import Energy

if TYPE_CHECKING:
    from collections.abc import Iterable

Kernel = Literal["delegate", "builtin", "reference"]
Accelerator = Literal["cpu", "gpu", "npu"]
Context = Literal["shell", "app"]
"""Where the agent runs: a program under the shell's user, or inside the farm's own app, as users' apps do."""
RuntimeName = Annotated[str, Field(pattern=r"^([a-z0-9][a-z0-9._+-]*)?$", max_length=64)]
Pass = Literal["latency", "profile", "layers", "isolated"]
PASSES: tuple[Pass, ...] = ("latency", "profile", "layers", "isolated")


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


FrameKind = Literal["image", "audio", "text", "tensor"]


class Box(_Model):
    """One object of a picture, in fractions of its upright height and width."""

    label: int = Field(ge=0)
    top: float
    left: float
    bottom: float
    right: float
    crowd: bool = False
    """Stands for many: neither found nor missed."""


class InputFrame(_Model):
    """One input, and what is true of it.

    `image`: an encoded picture (PNG, JPEG, ...); `audio`: a WAV clip; `text`: UTF-8; `tensor`: a .npy array, one per model input.
    """

    name: str = Field(max_length=255)
    kind: FrameKind
    sha256: tuple[str, ...]
    label: int | None = None
    """Class, for classification."""
    boxes: tuple[Box, ...] | None = Field(default=None, max_length=10_000)
    """All objects there are, for detection."""
    mask: str | None = None
    """sha256 of a PNG of class indices (255: do not count), for segmentation."""
    values: tuple[float, ...] | None = Field(default=None, max_length=4096)
    """What the model should answer, for regression."""
    metadata: dict[str, Annotated[str, Field(max_length=64)]] = Field(default={}, max_length=16)
    """What else is known of it, by column of the table of labels: the words in which worst slices are told."""

    @property
    def truth(self) -> Task | None:
        """The task whose truth is known; None without any."""
        known: tuple[tuple[Task, object], ...] = (
            ("classification", self.label),
            ("detection", self.boxes),
            ("segmentation", self.mask),
            ("regression", self.values),
        )
        return next((task for task, value in known if value is not None), None)


def identities(frames: Iterable[InputFrame]) -> list[str]:
    """What tells each frame from the others: its content, its truth, and of equal ones their number."""
    seen: dict[str, int] = defaultdict(int)
    found = []
    for frame in frames:
        content = frame.model_dump_json(include={"kind", "sha256", "label", "boxes", "mask", "values"})
        seen[content] += 1
        found.append(f"{content} {seen[content]}")
    return found


class RecipeUse(_Model):
    """A recipe and where it was found (a path, `metadata`, `flags`)."""

    recipe: Recipe
    origin: str


class ReferenceSource(_Model):
    """A reference that is not the submitted model on a runtime of this machine, or has a name of its own."""

    name: str = Field(max_length=255)
    """As `Submission.references` and reports call it."""
    runtime: str = Field(max_length=64)
    """As `farm runtime list` calls it; `capture` and `server` are among them."""
    model_name: str = Field(default="", max_length=255)
    model_sha256: str = ""
    """Of a model of its own (Keras, SavedModel as .tar, ONNX); empty: the submitted one."""
    url: str = Field(default="", max_length=2048)
    """Of a model server."""
    captures: dict[str, str] = Field(default={}, max_length=8)
    """Pass -> sha256 of the MCAP file of an earlier capture."""

    def files(self) -> tuple[str, ...]:
        """The artifacts it names."""
        return tuple(filter(None, (self.model_sha256, *self.captures.values())))


class FloatTwin(_Model):
    """The same model before quantization."""

    model_name: str = Field(max_length=255)
    model_sha256: str


class Baseline(_Model):
    """An earlier, healthy run of the same model."""

    name: str = Field(max_length=255)
    """For people: `job 12, run 1`, a file's name."""
    captures: dict[Literal["latency", "profile", "layers"], str]
    """Pass -> sha256 of the capture."""
    energy: tuple[Energy, ...] = Field(default=(), max_length=16)


class UserFile(_Model):
    """A file of assertions of the user's."""

    name: str = Field(max_length=255)
    sha256: str


class App(_Model):
    """The user's own app, which plays the frames instead of the farm's agent."""

    package: str = Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*(\.[A-Za-z][A-Za-z0-9_]*)+$", max_length=200)
    activity: str = Field(default="", pattern=r"^(\.?[A-Za-z][A-Za-z0-9_.$]*)?$", max_length=200)
    """What starts it; empty: what the launcher starts."""
    sensors: str = ""
    """sha256 of a table of readings that lies beside the frames; empty: none."""


class Variant(_Model):
    """What one configuration of a job has other than the submission says; None: the same."""

    name: str = Field(max_length=255)
    """Unique in the job, for people: `threads=4`, `b.tflite, kernel=builtin`."""
    model_name: str | None = Field(default=None, max_length=255)
    model_sha256: str | None = None
    recipe: RecipeUse | None = None
    """Of another model; left alone when `model_sha256` is None."""
    expected: RecipeUse | None = None
    kernel: Kernel | None = None
    threads: int | None = Field(default=None, ge=1, le=64)
    accelerator: Accelerator | None = None
    cpu_mask: int | None = Field(default=None, ge=0, lt=1 << 64)
    context: Context | None = None
    runtime: RuntimeName | None = None


class Terms(_Model):
    """When, where and how often a job runs; nothing in here changes a figure."""

    priority: int = Field(default=0, ge=-100, le=100)
    """Higher goes first."""
    not_before: float = Field(default=0.0, ge=0)
    """Unix seconds."""
    deadline: float | None = Field(default=None, ge=0)
    """Unix seconds; what has not begun by then fails."""
    after: tuple[int, ...] = Field(default=(), max_length=100)
    """Jobs that must be done first; when one is not, this one fails."""
    devices: int | None = Field(default=None, ge=1, le=10_000)
    """So many of the matching devices, whichever come free; None: each of those that match now."""
    times: int = Field(default=1, ge=1, le=1000)
    """Runs of each configuration on each device."""
    pair: bool = False
    """Both variants in one run, interleaved on one device, and compared pairwise."""
    fresh: bool = False
    """Run it though the same is queued or running already."""
    commit: str = Field(default="", max_length=64, pattern=r"^[A-Za-z0-9._/-]*$")
    """Of the user's own repository, for people who look for what changed when."""


class Submission(_Model):
    """A job as submitted. Every sha256 names an artifact the daemon holds."""

    model_name: str = Field(max_length=255)
    model_sha256: str
    inputs: str = ""
    """Where the frames came from, for people."""
    frames: tuple[InputFrame, ...] = Field(max_length=100_000)
    """None where an app has inputs of its own."""
    labels: tuple[str, ...] = ()
    """Class names by index, where known."""
    recipe: RecipeUse | None = None
    """What the device does to the frames; None for raw tensors."""
    expected: RecipeUse | None = None
    """What the model was trained with, where that is known apart from `recipe`; the references use it."""
    selector: str = Field(default="", max_length=4096)
    references: tuple[str, ...] = ("litert-ref",)
    """Runtimes of this machine, or names of `sources`."""
    sources: tuple[ReferenceSource, ...] = Field(default=(), max_length=64)
    float_twin: FloatTwin | None = None
    """Opens the upper rungs of the ladder: what quantization changed."""
    baseline: Baseline | None = None
    """What figures are compared with."""
    contract: str = ""
    """sha256 of a data contract for the model's inputs; empty: none."""
    sequence: bool = False
    """The frames follow each other, as those of a video do."""
    assertions: tuple[UserFile, ...] = Field(default=(), max_length=64)
    """Files of the user's, asked besides the farm's own."""
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
    context: Context = "shell"
    runtime: RuntimeName = ""
    """A runtime bundle of the lab, as `farm runtime list` calls it; empty: what the device gets by default."""
    sensors: tuple[Annotated[str, Field(pattern=r"^[a-z][a-z-]*$", max_length=40)], ...] = Field(
        default=(), max_length=16
    )
    """Of the phone, logged into a pass's capture where it runs in the farm's app."""
    fixed_performance: bool = False
    """Ask the device for Android's fixed-performance mode (11 and later) while the run lasts."""
    trace: tuple[Pass, ...] = ()
    """Passes around which Android's perfetto records a trace; it costs them time."""
    pass_timeout_s: float = Field(default=600, gt=0, le=86_400)
    """Wall-clock deadline of one pass on the device."""
    pair_rounds: int = Field(default=10, ge=2, le=1000)
    """Rounds of a pair: each runs all frames through A, then through B."""
    variants: tuple[Variant, ...] = Field(default=(), max_length=256)
    """The configurations of the job; none: the submission itself is the only one."""
    app: App | None = None
    """Passes, kernels, threads and warm-up are the app's own then."""
    terms: Terms = Terms()

    @model_validator(mode="after")
    def _variants_fit(self) -> Self:
        if self.app is not None and (self.variants or self.terms.pair):
            raise ValueError("an app has one configuration, its own")
        if self.app is not None and self.context != "shell":
            raise ValueError("an app of one's own is its own context: context is for the farm's agent")
        if self.app is None and not self.frames:
            raise ValueError("there are no frames")
        if self.trace and (self.app is not None or self.terms.pair):
            raise ValueError("neither an app's run nor a pair is traced")
        if missing := [name for name in self.trace if name not in self.passes]:
            raise ValueError(f"the pass {missing[0]} does not run, so there is nothing to trace")
        names = [variant.name for variant in self.variants]
        if len(set(names)) < len(names):
            raise ValueError("two variants have one name")
        if self.terms.pair and len(self.variants) != 2:  # a pair
            raise ValueError(f"a pair is of two variants, not {len(self.variants)}")
        return self

    def of(self, variant: int) -> Submission:
        """What a run of this variant does: a submission without variants."""
        if not self.variants:
            return self
        chosen = self.variants[variant]
        changes: dict[str, object] = {
            field: value
            for field in (
                "model_name",
                "model_sha256",
                "kernel",
                "threads",
                "accelerator",
                "cpu_mask",
                "runtime",
                "context",
            )
            if (value := getattr(chosen, field)) is not None
        }
        if chosen.model_sha256 is not None:
            changes |= {"recipe": chosen.recipe, "expected": chosen.expected}
        return self.model_copy(update=changes | {"variants": (), "terms": Terms()})

    def configurations(self) -> tuple[tuple[str, Submission], ...]:
        """Each configuration's name and what it does; the only one of a plain job has no name."""
        if not self.variants:
            return (("", self.model_copy(update={"terms": Terms()})),)
        return tuple((v.name, self.of(i)) for i, v in enumerate(self.variants))
