"""Figures of time: of whole invocations, and of layers."""

from __future__ import annotations

import statistics
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from farm.capture.rows import OpTime
from farm.compare.alignment import DELEGATED, OPERATOR, PROFILED, align
from farm.compare.timeline import timeline
from farm.report.document import Latency, LayerType

if TYPE_CHECKING:
    from collections.abc import Iterator

    from farm.capture.recording import Recording
    from farm.model.graph import Graph
    from farm.store.artifacts import ArtifactStore

RESAMPLES = 1000
SEED = 20220831
COUNTED = (OPERATOR, DELEGATED, PROFILED)
"""Events that are operators' time; the others span them, or are no times."""
OTHER = "Other"
"""Of helpers that the runtime put between the layers, and of what could be one layer or another."""

_NAMES = {
    "CONV_2D": "Conv",
    "DEPTHWISE_CONV_2D": "D-Conv",
    "FULLY_CONNECTED": "FC",
}


def latency(recording: Recording, artifacts: ArtifactStore) -> Latency | None:
    """Of one invocation, in milliseconds, over frames and repetitions; None when no invocation was timed."""
    times = recording.frame_times(artifacts)
    if not times:
        return None
    invoke = np.array([t.invoke_ns for t in times]) / 1e6
    low, high = median_interval(invoke)
    return Latency(
        median=float(np.median(invoke)),
        p90=float(np.percentile(invoke, 90)),
        n=len(times),
        interval=(low, high),
        # Frames are pre-processed once; their other repetitions log 0.
        preprocess_median=statistics.median([t.preprocess_ns for t in times if t.preprocess_ns > 0] or [0]) / 1e6,
        timeline=timeline(recording, artifacts),
    )


def median_interval(values: np.ndarray[Any, Any]) -> tuple[float, float]:
    """95 % percentile bootstrap interval of the median of values [n]; seeded, so that equal values give equal intervals."""
    random = np.random.default_rng(SEED)
    medians = [np.median(values[random.integers(0, len(values), len(values))]) for _ in range(RESAMPLES)]
    low, high = np.percentile(medians, [2.5, 97.5])
    return float(low), float(high)


def layer_times(recording: Recording, graph: Graph, artifacts: ArtifactStore) -> dict[int, float]:
    """Microseconds of each node, interquartile mean over invocations; nodes whose events could not be aligned are left out.

    The profiler counts whole microseconds, so a median would say 0 or 1 of a small layer; the mean of the middle half
    of the invocations says what lies between, and is as deaf to outliers.

    From a `layers` recording: the instrumented model runs unfused, so these times order layers, they are not those of the
    plain model. From a `profile` recording they are.
    """
    return {node: time for node, time in _times(recording, graph, artifacts).items() if node is not None}


def _times(recording: Recording, graph: Graph, artifacts: ArtifactStore) -> dict[int | None, float]:
    """`layer_times`, and under None what could not be aligned."""
    aligned: dict[tuple[tuple[int, int, str], ...], tuple[int | None, ...]] = {}
    samples: dict[int | None, list[float]] = defaultdict(list)
    for events in _invocations(recording, artifacts):
        shape = tuple((e.type, e.index, e.tag) for e in events)
        if shape not in aligned:
            aligned[shape] = align(events, graph)
        sums: dict[int | None, float] = defaultdict(float)
        for event, node in zip(events, aligned[shape], strict=True):
            if node is not None or event.type in COUNTED:
                sums[node] += event.duration_us
        for node, time in sums.items():
            samples[node].append(time)
    nodes = sorted(samples, key=lambda node: -1 if node is None else node)
    return {node: _interquartile_mean(samples[node]) for node in nodes}


def _invocations(recording: Recording, artifacts: ArtifactStore) -> Iterator[list[OpTime]]:
    """The events of each invocation. Those of a frame's repetitions follow each other, one as long as the other."""
    table = recording.op_table(artifacts)
    if table is None:
        return
    repeated = Counter(t.index for t in recording.frame_times(artifacts))
    frames = table.column("frame").to_numpy()
    order = np.argsort(frames, kind="stable")
    for rows in np.split(order, np.flatnonzero(np.diff(frames[order])) + 1):
        events = [OpTime(**row) for row in table.take(rows).to_pylist()]
        times = max(1, repeated[events[0].frame])
        if len(events) % times == 0:  # else nobody knows where one ends
            each = len(events) // times
            yield from (events[i : i + each] for i in range(0, len(events), each))


def _interquartile_mean(values: list[float]) -> float:
    cut = len(values) // 4
    return statistics.fmean(sorted(values)[cut : len(values) - cut])


def layer_types(recording: Recording, graph: Graph, artifacts: ArtifactStore) -> tuple[LayerType, ...]:
    """`layer_times` summed by type of layer, slowest first; `count` is of the nodes that have a time.

    Time that could not be aligned is `OTHER`, of no node, so that the sum is all of the operators' time.
    """
    times = _times(recording, graph, artifacts)
    sums: dict[str, list[float]] = defaultdict(list)
    for node, time in times.items():
        if node is not None:
            sums[type_name(graph, node)].append(time)
    total, rest = sum(times.values()), times.get(None, 0.0)
    source: Literal["layers", "profile"] = "profile" if recording.header.pass_ == "profile" else "layers"  # noqa: S105  # a pass
    rows = [(name, len(own), sum(own)) for name, own in sums.items()]
    if rest:
        rows.append((OTHER, 0, rest))
    return tuple(
        LayerType(type=name, count=count, time_us=time, share=time / total if total else 0.0, source=source)
        for name, count, time in sorted(rows, key=lambda row: (-row[2], row[0]))
    )


def type_name(graph: Graph, node: int) -> str:
    """A node's type as ML-EXray's tables have it, else its operator's name in words."""
    op = graph.nodes[node].op
    return op if graph.nodes[node].custom else _NAMES.get(op, op.replace("_", " ").title())
