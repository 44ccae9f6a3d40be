"""What a job and its runs look like to scripts, to the store, to the report: one document, one shape."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Self

from pydantic import Field

from farm.report.base import Part
from farm.report.explanation import Explanation
from farm.report.ladder import Blame, Ladder
from farm.report.measures import Energy, Samples, Throttling
from farm.report.metrics import TaskMetrics
from farm.report.quantization import Quantization
from farm.report.sequence import Fired
from farm.report.slice import Slice

if TYPE_CHECKING:
    from farm.errors import FarmError

VerdictKind = Literal["pass", "fail", "undecided"]
JobStatus = Literal["queued", "running", "done", "failed", "canceled"]
WatchWord = Literal["steady", "slower", "faster", "answers differ", "too few nights"]
RunStatus = Literal["queued", "running", "done", "failed", "canceled"]


class Target(Part):
    """What a run ran on. `virtual` figures are never those of a phone."""

    serial: str
    abi: str
    kind: Literal["virtual", "phone", "emulator", "unknown"]
    model: str = ""
    sdk: int | None = None


class Verdict(Part):
    """The run's conclusion.

    `cause` is `none`, or the name of the assertion that explains it (`channel`, `normalization`, `rotation`, ...; several
    joined by `+`), else the rung that is to blame (`converter`, `kernel`, `delegate`, `device`), else `not identifiable` or
    `unexplained`. `confidence` is the share of `n` frame bootstraps that name the same cause.
    """

    kind: VerdictKind
    cause: str
    summary: str
    confidence: float
    n: int
    remedy: str = ""
    blames: tuple[Blame, ...] = ()
    """The same in the words of the ladder, the likeliest first."""


class Finding(Part):
    """One assertion's result, with its evidence. `holds` is False when the assertion found its bug."""

    assertion: str
    holds: bool
    summary: str
    area: Literal["answers", "cost", "user"] = "answers"
    """What it is about: answers and the input they come from; time, memory, energy, heat; or what a user asked."""
    harmless: bool = False
    """A difference worth a word that fails nothing."""
    evidence: dict[str, float | str] = Field(default={})
    remedy: str = ""


class Accuracy(Part):
    """Top-k shares on `n` labelled frames with 95 % Wilson intervals; `p_value` is McNemar's, device against reference."""

    n: int
    top1: float
    top5: float | None
    top1_interval: tuple[float, float]
    reference_top1: float | None = None
    reference: str = ""
    p_value: float | None = None
    agreement: float | None = None
    """Share of frames on which device and reference give the same top-1."""


class TimelinePoint(Part):
    """One invocation of the `latency` pass, or `count` neighbors of a long one."""

    first: int
    """Position of the first, in the order they ran."""
    count: int
    ms: float
    """Median of them."""
    worst_ms: float
    memory_mb: float | None = None
    """Largest resident memory of the agent after them, MiB."""


class Latency(Part):
    """Of one invocation, from the `latency` pass, in milliseconds; `interval` is the median's 95 % bootstrap interval."""

    median: float
    p90: float
    n: int
    interval: tuple[float, float]
    preprocess_median: float = 0.0
    timeline: tuple[TimelinePoint, ...] = ()


class LayerType(Part):
    """Time by type of layer, summed over the layers."""

    type: str
    count: int
    time_us: float
    share: float
    source: Literal["layers", "profile"] = "layers"
    """The pass it comes from: `profile` is the plain model, fused as it is deployed; `layers` the instrumented one, unfused."""


class LayerDiff(Part):
    """How far one tensor of the device is from the reference's, over the frames both logged (worst frame for `max_abs`)."""

    node: int
    """Index of the node that makes the tensor; -1 for a model input."""
    tensor: str
    op: str
    dtype: str
    shape: tuple[int, ...]
    running_nrmse: float
    """RMSE / (max - min of the reference), as ML-EXray has it; median over frames."""
    cosine: float
    sqnr_db: float | None
    """10 log10(signal power / error power); None when bit-equal."""
    max_abs: float
    lsb: float | None = None
    """max_abs in units of the tensor's scale; None when it is not quantized."""
    time_us: float | None = None
    """Over the frames, layer-aligned, from the instrumented model; None when the profiler's events could not be aligned."""
    profile_us: float | None = None
    """The same from the `profile` pass: the plain model, fused as it is deployed. A fused layer's time is at the layer that it
    became part of, and the layer itself has none."""
    isolated_nrmse: float | None = None
    """Of this layer alone, fed the reference's own inputs (the `isolated` pass); None when that pass did not run."""
    isolated_lsb: float | None = None
    """Largest difference of this layer alone, in steps of the scale."""


class Divergence(Part):
    """The first layer, in execution order, whose running error is over the threshold."""

    node: int
    tensor: str
    op: str
    running_nrmse: float


class LocalFault(Part):
    """The first layer, in execution order, that is wrong by itself: fed the reference's inputs, it leaves its threshold."""

    node: int
    tensor: str
    op: str
    isolated_nrmse: float


class Comparison(Part):
    """One device run against one reference."""

    reference: str
    reference_version: str
    frames: int
    threshold: float
    """Of running_nrmse, above which a layer counts as diverged."""
    first_divergence: Divergence | None
    layers: tuple[LayerDiff, ...]
    isolated_threshold: float | None = None
    """Of isolated_nrmse, above which a layer counts as wrong by itself; None when the `isolated` pass did not run."""
    local_fault: LocalFault | None = None
    notes: dict[str, str] = Field(default={})
    """What made a reference's own model comparable: how its inputs, outputs and layers were found, what was turned."""

    def faults(self) -> tuple[LayerDiff, ...]:
        """The layers that are wrong by themselves; none when the `isolated` pass did not run.

        A single step of an output whose values span few steps is a large share of its range, and still only rounding.
        """
        limit = self.isolated_threshold
        return tuple(
            d
            for d in self.layers
            if limit is not None
            and d.isolated_nrmse is not None
            and d.isolated_nrmse > limit
            and not (d.isolated_lsb is not None and d.isolated_lsb <= 1)
        )


class CaptureLink(Part):
    """A stored capture: the MCAP file as the device wrote it."""

    name: str
    """`latency` or `layers`."""
    sha256: str
    bytes: int
    complete: bool
    """False when the device died before the agent ended it."""
    path: str
    removed: bool = False
    """The file was removed by retention since; what was computed from it stays."""


class EvidenceLink(Part):
    """A file kept of an attempt: of one that failed the device's log, what the agent said, how long each stage took; of any,
    the traces that were asked for."""

    name: str
    """`logcat-main.txt`, `agent-stderr.txt`, `timings.json`, `trace-latency.pftrace`, ..."""
    attempt: int
    sha256: str
    bytes: int
    removed: bool = False
    """As in CaptureLink."""

    @property
    def is_trace(self) -> bool:
        """Whether it is one of Perfetto's."""
        return self.name.endswith(".pftrace")


class Failure(Part):
    """Why a run gave no result."""

    kind: str
    """job, infrastructure, bug."""
    code: str
    message: str
    where: str = ""
    remedy: str = ""

    @classmethod
    def of(cls, error: FarmError) -> Self:
        """An error, to be stored or sent."""
        return cls(kind=error.kind, code=error.code, message=error.message, where=error.where, remedy=error.remedy)


class Side(Part):
    """One variant of a pair."""

    name: str
    model: str
    latency_ms: Latency
    memory_mb: float | None = None
    top1: float | None = None
    """Share of labelled frames that are right."""


class Pair(Part):
    """Two variants on one device, interleaved: A, B, A, B, ... Ratios are B/A; intervals are 95 % bootstrap over the rounds."""

    a: Side
    b: Side
    rounds: int
    frames: int
    latency_ratio: float
    """Median over rounds of median(B)/median(A) within a round, so that slow drift cancels."""
    latency_interval: tuple[float, float]
    noise_ratio: float
    """The same figure for A against A of the next round: what chance alone gives."""
    agreement: float | None = None
    """Share of frames on which both give the same top-1."""
    p_value: float | None = None
    """McNemar's exact test of A's against B's correctness; None without labels."""


class Run(Part):
    """One model on one target under one configuration."""

    id: int
    target: Target | None
    variant: str = ""
    """Name of its configuration; empty in a job that has only one."""
    repetition: int = 0
    same_as: int | None = None
    """The run of another job that did this one's work."""
    status: RunStatus
    stage: str = ""
    """What it is doing now, or did last."""
    attempt: int = 0
    verdict: Verdict | None = None
    findings: tuple[Finding, ...] = ()
    accuracy: Accuracy | None = None
    """Of a classifier of labelled frames; `metrics` has every task."""
    metrics: TaskMetrics | None = None
    """None where nothing tells what the outputs mean."""
    latency_ms: Latency | None = None
    memory_mb: float | None = None
    """Peak resident memory of the agent in the `latency` pass, MiB."""
    layer_types: tuple[LayerType, ...] = ()
    comparisons: tuple[Comparison, ...] = ()
    captures: tuple[CaptureLink, ...] = ()
    evidence: tuple[EvidenceLink, ...] = ()
    """Of attempts that failed, also those before one that went well; and traces."""
    pair: Pair | None = None
    explanation: Explanation | None = None
    """Of the model's input; None when it was not logged."""
    slices: tuple[Slice, ...] = ()
    """Of the frames: where answers are lost more often than chance explains, the worst first."""
    fired: tuple[Fired, ...] = ()
    """Model assertions over frames that follow each other."""
    ladder: Ladder | None = None
    quantization: Quantization | None = None
    """Of a quantized model: faults of its file, and its layers' figures."""
    energy: tuple[Energy, ...] = ()
    """Of an inference in the `latency` pass, one figure for each boundary at which power was read."""
    samples: Samples | None = None
    throttled: tuple[Throttling, ...] = ()
    """Passes whose figures heat spoiled; empty when nothing says so."""
    partial: tuple[str, ...] = ()
    """What is missing of what was asked for, and why; the rest of the run stands."""
    pushed_bytes: int = 0
    """Model, runtime, agent and frames that were not yet on the device."""
    conditions: dict[str, str] = Field(default={})
    """What the figures were taken under: kernel, threads, warm-up, battery, heat."""
    error: Failure | None = None


class Job(Part):
    """What was submitted, and all its runs."""

    job: int
    status: JobStatus
    model: str
    model_sha256: str
    inputs: str
    frames: int
    recipe: str = ""
    """Where the deployed pre-processing comes from."""
    selector: str = ""
    references: tuple[str, ...] = ()
    created: str = ""
    """UTC, ISO 8601."""
    user: str = ""
    priority: int = 0
    runs: tuple[Run, ...] = ()
    report: str = ""
    """Path of the HTML report, once written."""


class Watch(Part):
    """What the sentinel knows of one device, from the golden model's runs on it, night by night."""

    serial: str
    word: WatchWord
    summary: str
    nights: int
    """Under the runtime of the last one."""
    ended: float
    """Unix seconds, of the last."""
    median_ms: float
    baseline_ms: float | None = None
    """Median of the nights before; None when they are too few."""
    top1: float | None = None
