"""Any two recordings of one model, or of a model and its twin: layers, answers, times.

What B logged is first told in A's terms: under the indices of A's tensors and the numbers of A's frames, so that the rest is
the comparison that every run gets.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from farm.capture.recording import Recording, RecordingWriter, dequantize, load
from farm.compare.accuracy import accuracy
from farm.compare.latency import RESAMPLES, SEED, latency, layer_times, layer_types
from farm.compare.layers import compare_layers, is_quantized, judged, threshold
from farm.compare.metrics import metrics
from farm.compare.tasks.classification import Classification
from farm.compare.tasks.read import read
from farm.compare.twin import align
from farm.report.pairing import Pairing, Party
from farm.report.table import Column, table
from farm.report.words import layer_name, percent

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from farm.capture.recording import TensorSpec
    from farm.compare.tasks.contract import Reading
    from farm.model.graph import Graph, Tensor
    from farm.model.recipe import Recipe
    from farm.report.document import Accuracy, Comparison
    from farm.report.metrics import TaskMetrics
    from farm.report.table import LatencyTable
    from farm.store.artifacts import ArtifactStore
    from farm.submission import InputFrame

    Array = np.ndarray[Any, Any]

LEVEL = 0.01
"""p-value below which answers count as different."""
MIB = 1 << 20


@dataclass(frozen=True)
class Side:
    """One of the two, and what is known of its frames."""

    name: str
    model: str
    model_sha256: str
    graph: Graph
    recordings: Mapping[str, Recording]
    """By pass; those that are missing are not compared."""
    frames: tuple[InputFrame, ...]
    """By the recordings' numbers."""
    recipe: Recipe | None = None
    """What tells what the outputs mean."""
    classes: tuple[str, ...] = ()
    """Names, by index."""

    @property
    def answers(self) -> Recording | None:
        """With the outputs of most frames."""
        return self.recordings.get("latency") or self.recordings.get("layers")

    @property
    def layers(self) -> Recording | None:
        """With the layers; of a side that logged none, the outputs."""
        return self.recordings.get("layers") or self.recordings.get("latency")


def compare(a: Side, b: Side, artifacts: ArtifactStore) -> Pairing:
    """Put B beside A.

    Raises:
        ModelError: two models, one of which cannot be read.
        InputsError: labels do not fit the model.
    """
    places, told = _places(a, b, artifacts)
    numbers = _numbers(a, b)
    layers = _layers(a, b, places, numbers, artifacts)
    readings = _readings(a, b, numbers, artifacts)
    found = None if readings is None else metrics(*readings, name=b.name, names=a.classes or b.classes)
    answered = 0 if readings is None else readings[0].n
    ratio, interval = _ratio(a, b, artifacts)
    differs, summary = _conclusion(layers, found)
    return Pairing(
        a=_party(a, artifacts),
        b=_party(b, artifacts),
        differs=differs,
        summary=summary,
        alignment=told,
        layers=layers,
        answers=answered,
        metrics=found,
        accuracy=_accuracy(readings, b.name),
        latency_ratio=ratio,
        latency_interval=interval,
        times=_times((a, b), artifacts),
    )


def _places(a: Side, b: Side, artifacts: ArtifactStore) -> tuple[dict[int, int], str]:
    """Tensor of B -> of A, and how they were matched."""
    if a.model_sha256 == b.model_sha256:
        return {t.index: t.index for t in a.graph.tensors}, ""
    found = align(artifacts.read(a.model_sha256), artifacts.read(b.model_sha256), a.model, b.model)
    places = {pair.twin: pair.mine for pair in found.pairs}
    return places, f"{b.model} beside {a.model}: {found.words()}"


def _numbers(a: Side, b: Side) -> dict[int, int]:
    """Frame of B -> of A: by name where each name stands for one frame on both sides, else by number."""
    mine, other = (_named(side) for side in (a, b))
    if mine and other:
        return {other[name]: mine[name] for name in other if name in mine}
    return {i: i for i in range(min(len(a.frames), len(b.frames)))}


def _named(side: Side) -> dict[str, int]:
    held = {i for r in side.recordings.values() for i in r.frames if i < len(side.frames)}
    names = Counter(side.frames[i].name for i in held)
    return {side.frames[i].name: i for i in held if side.frames[i].name and names[side.frames[i].name] == 1}


def _layers(
    a: Side, b: Side, places: Mapping[int, int], numbers: Mapping[int, int], artifacts: ArtifactStore
) -> Comparison | None:
    if a.layers is None or b.layers is None:
        return None
    plain = a.model_sha256 == b.model_sha256 and all(i == j for i, j in numbers.items())
    other = b.layers if plain else _translated(b.layers, a.graph, places, numbers, artifacts)
    labels = {} if other.header.source.startswith("device:") else other.header.labels  # a reference's are worth telling
    header = other.header.model_copy(update={"source": b.name, "labels": labels})
    other = other.model_copy(update={"header": header})
    limit = max(threshold(g) for g in (a.graph, b.graph)) if is_quantized(a.graph) or is_quantized(b.graph) else None
    profile = a.recordings.get("profile")
    found = compare_layers(
        a.layers, other, a.graph, artifacts, threshold=limit or threshold(a.graph),
        profile_us=None if profile is None else layer_times(profile, a.graph, artifacts),
    )  # fmt: skip
    return judged(found, found.threshold) if found.frames and found.layers else None


def _translated(
    recording: Recording, graph: Graph, places: Mapping[int, int], numbers: Mapping[int, int], artifacts: ArtifactStore
) -> Recording:
    """A recording under another model's indices; one frame is in memory at a time."""
    writer = RecordingWriter(artifacts, recording.header)
    specs = {s.tensor: s for s in recording.specs if s.tensor in places}
    for spec in specs.values():
        writer.spec(spec.model_copy(update={"tensor": places[spec.tensor]}))
    for frame in sorted(recording.frames.keys() & numbers.keys()):
        values = recording.tensors(artifacts, frame)
        writer.frame(
            numbers[frame],
            {places[t]: _as(values[t], specs[t], graph.tensors[places[t]]) for t in values.keys() & specs.keys()},
        )
    return load(artifacts, writer.close(complete=recording.complete))


def _as(values: Array, spec: TensorSpec, tensor: Tensor) -> Array:
    """As it is where both store it alike, else as real numbers."""
    alike = (
        spec.dtype == tensor.dtype and spec.zero_point == tensor.zero_point and np.allclose(spec.scale, tensor.scale)
    )
    if alike or not spec.scale:
        return values
    return dequantize(values, spec).astype(np.float32)


def _readings(a: Side, b: Side, numbers: Mapping[int, int], artifacts: ArtifactStore) -> tuple[Reading, Reading] | None:
    """What both answered to the frames both have; None where there are none, or nothing tells what the outputs mean."""
    mine, other = a.answers, b.answers
    if mine is None or other is None:
        return None
    shared = sorted((i, j) for j, i in numbers.items() if i in mine.frames and j in other.frames)
    if not shared:
        return None
    truths = [_true(a.frames[i], b.frames[j]) for i, j in shared]
    first = read(mine, a.graph, a.recipe, [(i, f) for (i, _), f in zip(shared, truths, strict=True)], artifacts)
    second = read(
        other, b.graph, b.recipe or a.recipe, [(j, f) for (_, j), f in zip(shared, truths, strict=True)], artifacts
    )
    if first is None or second is None or first.task != second.task:
        return None
    return first, second


def _true(mine: InputFrame, other: InputFrame) -> InputFrame:
    """The frame whose truth is known, if that of either is."""
    return other if mine.truth is None and other.truth is not None else mine


def _accuracy(readings: tuple[Reading, Reading] | None, name: str) -> Accuracy | None:
    if readings is None or not readings[0].labelled:
        return None
    mine, other = readings
    if not isinstance(mine, Classification) or not isinstance(other, Classification):
        return None
    return accuracy(mine.answers, other.answers, name=name)


def _conclusion(layers: Comparison | None, found: TaskMetrics | None) -> tuple[bool, str]:
    first = None if layers is None else layers.first_divergence
    words = []
    if layers is None:
        words.append("no frame and tensor in common")
    elif first is None:
        worst = max(d.running_nrmse for d in layers.layers)
        words.append(f"no layer parts: nRMSE at most {worst:.2g}, threshold {layers.threshold:.2g}")
    else:
        place = "the model's input" if first.node < 0 else f"node {layer_name(first.node, first.op)}"
        words.append(f"they part first at {place}, nRMSE {first.running_nrmse:.2g}")
    apart = False
    if found is not None:
        agreement = found.agreement or found.main
        words.append(f"the same answer for {percent(agreement.value)} of {found.n} frames")
        if found.p_value is not None and found.p_value < LEVEL:
            apart = True
            words.append(
                f"{found.main.name} {found.main.value:.3g} and {found.main.reference or 0.0:.3g} (p = {found.p_value:.2g})"
            )
    return first is not None or apart, "; ".join(words)


def _ratio(a: Side, b: Side, artifacts: ArtifactStore) -> tuple[float | None, tuple[float, float] | None]:
    """median(A) / median(B) of the `latency` pass, and its interval."""
    times = []
    for side in (a, b):
        recording = side.recordings.get("latency")
        taken = [] if recording is None else [t.invoke_ns for t in recording.frame_times(artifacts)]
        if not any(taken):
            return None, None
        times.append(np.array(taken, np.float64))
    random = np.random.default_rng(SEED)
    medians = [np.array([np.median(t[random.integers(0, len(t), len(t))]) for _ in range(RESAMPLES)]) for t in times]
    low, high = np.percentile(medians[0] / np.maximum(medians[1], 1.0), [2.5, 97.5])
    return float(np.median(times[0]) / max(1.0, float(np.median(times[1])))), (float(low), float(high))


def _times(sides: Sequence[Side], artifacts: ArtifactStore) -> LatencyTable | None:
    """Types of layers, a column a side; None where neither was timed."""
    columns = []
    for letter, side in zip("AB", sides, strict=True):
        timed = side.recordings.get("profile") or side.recordings.get("layers")
        types = () if timed is None or not timed.ops else layer_types(timed, side.graph, artifacts)
        if types:
            columns.append((Column(title=f"{letter}: {side.name}", source=types[0].source), types))
    return table(columns) if columns else None


def _party(side: Side, artifacts: ArtifactStore) -> Party:
    first: Recording = next(iter(side.recordings.values()))
    timed, layers = side.recordings.get("latency"), side.recordings.get("layers")
    answers = side.answers
    return Party(
        name=side.name,
        source=" ".join(filter(None, (first.header.source, first.header.source_version))),
        model=side.model,
        model_sha256=side.model_sha256,
        kind=first.header.labels.get("kind", ""),
        kernel=first.header.kernel,
        abi=first.header.abi,
        frames=0 if answers is None else len(answers.frames),
        layer_frames=0 if layers is None else len(layers.frames),
        latency_ms=None if timed is None else latency(timed, artifacts),
        memory_mb=timed.peak_rss_bytes / MIB if timed is not None and timed.peak_rss_bytes else None,
    )
