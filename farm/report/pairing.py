"""Two recordings of one model, or of a model and its twin, side by side."""

from __future__ import annotations

from farm.report.base import Part
from farm.report.document import Accuracy, Comparison, Latency
from farm.report.metrics import TaskMetrics
from farm.report.table import LatencyTable


class Party(Part):
    """One of the two."""

    name: str
    """As it was named: `12/3`, a file, `litert-ref`."""
    source: str
    """What logged it: `device:SERIAL`, a reference and its version."""
    model: str
    model_sha256: str
    kind: str = ""
    """Of a device: `virtual`, `phone`, `emulator`; figures of a virtual one are never those of a phone."""
    kernel: str = ""
    abi: str = ""
    frames: int
    """Whose answers are known."""
    layer_frames: int
    """Whose layers are known."""
    latency_ms: Latency | None = None
    """None where nothing was timed as it is deployed."""
    memory_mb: float | None = None


class Pairing(Part):
    """A against B; B stands where a reference stands elsewhere."""

    a: Party
    b: Party
    differs: bool
    """A layer is over the threshold, an input differs, or answers differ by more than chance explains."""
    summary: str
    alignment: str = ""
    """How the tensors of two models were matched; empty for one model."""
    layers: Comparison | None = None
    """None when they have no frame and tensor in common."""
    answers: int = 0
    """Frames both answered."""
    metrics: TaskMetrics | None = None
    """A's figures, with B as the reference, over those frames; None where nothing tells what the outputs mean."""
    accuracy: Accuracy | None = None
    """Of classifiers of labelled frames, paired."""
    latency_ratio: float | None = None
    """median(A) / median(B). Not interleaved: what the devices did between the two is in it (`farm submit --pair`)."""
    latency_interval: tuple[float, float] | None = None
    """95 %, by bootstrap over the invocations."""
    times: LatencyTable | None = None
