"""A few numbers for each frame of a capture: what data contracts and shift tests look at.

The device's own statistics give the same numbers as tensors logged in full, so that both stand in one table.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from farm.capture.recording import dequantize

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from farm.capture.recording import Recording, TensorSpec
    from farm.capture.rows import TensorStatistics
    from farm.store.artifacts import ArtifactStore

    Array = np.ndarray[Any, Any]

CHANNELS = 4
"""Inputs with more are no pictures."""
LIMIT_SCORES = 1 << 20
"""Values of an output that is still looked at as a list of scores."""


@dataclass(frozen=True)
class FeatureTable:
    """n frames by k features."""

    names: tuple[str, ...]
    """`input 0 mean`, `output 0 top-1`, ..."""
    rows: tuple[tuple[str, int], ...]
    """Of each row the capture's set and its frame; rows of one set are in the order of their frames."""
    values: Array
    """f64 [n, k]; NaN where a frame does not tell."""

    def column(self, name: str) -> Array:
        """f64: the values that are told, in the order of the rows."""
        found = self.values[:, self.names.index(name)]
        told: Array = found[~np.isnan(found)]
        return told

    @classmethod
    def of(cls, rows: Mapping[tuple[str, int], Mapping[str, float]]) -> FeatureTable:
        """From features by row."""
        names = tuple(dict.fromkeys(name for features in rows.values() for name in features))
        ordered = sorted(rows)
        values = np.full((len(ordered), len(names)), np.nan)
        place = {name: i for i, name in enumerate(names)}
        for i, row in enumerate(ordered):
            for name, value in rows[row].items():
                values[i, place[name]] = value
        return cls(names, tuple(ordered), values)


def table(recordings: Iterable[tuple[Recording, ArtifactStore]]) -> FeatureTable:
    """Features of all frames of several recordings, one frame in memory at a time.

    Recordings of one run (the label `run`) tell of the same frames, and share their rows.
    """
    rows: defaultdict[tuple[str, int], dict[str, float]] = defaultdict(dict)
    for number, (recording, artifacts) in enumerate(recordings):
        run = recording.header.labels.get("run")
        name = f"{recording.header.source}, run {run}" if run else f"{recording.header.source}, capture {number}"
        specs = {spec.tensor: spec for spec in recording.specs if spec.position >= 0}
        inputs, outputs = ends(recording)
        for row in recording.tensor_statistics(artifacts):
            if row.tensor in inputs:
                rows[name, row.frame] |= of_statistics(f"input {inputs[row.tensor]}", row, specs[row.tensor])
        for frame in sorted(recording.frames):
            for tensor, value in recording.tensors(artifacts, frame).items():
                if tensor in inputs:
                    rows[name, frame] |= of_tensor(f"input {inputs[tensor]}", value, specs[tensor])
                elif tensor in outputs:
                    rows[name, frame] |= of_output(f"output {outputs[tensor]}", value, specs[tensor])
    return FeatureTable.of(rows)


def ends(recording: Recording) -> tuple[dict[int, int], dict[int, int]]:
    """Tensor to position, of the model's inputs and, where only they were logged, of its outputs."""
    inputs = {s.tensor: s.position for s in recording.specs if s.role == "input"}
    outputs = {s.tensor: s.position for s in recording.specs if s.role == "output"}
    return inputs, outputs if recording.header.pass_ == "latency" else {}  # noqa: S105  # a pass


def of_tensor(name: str, value: Array, spec: TensorSpec) -> dict[str, float]:
    """The features of a tensor logged in full, over its finite values, dequantized."""
    real = dequantize(value, spec).ravel()
    finite = real[np.isfinite(real)]
    count = max(1, real.size)
    stuck = int(np.isinf(real).sum())
    if value.dtype.kind in "iu" and spec.scale:
        limits = np.iinfo(value.dtype)
        stuck += int(((value == limits.min) | (value == limits.max)).sum())
    found = {f"{name} missing": float(np.isnan(real).sum()) / count, f"{name} saturated": stuck / count}
    if finite.size:
        mean = float(finite.mean())
        found |= _moments(name, float(finite.min()), float(finite.max()), mean, float(np.mean(finite * finite)))
        if value.ndim == 4 and 1 < value.shape[3] <= CHANNELS and finite.size == real.size:
            means = real.reshape(value.shape).mean((0, 1, 2))
            found |= {f"{name} channel {c} mean": float(m) for c, m in enumerate(means)}
    return found


def of_statistics(name: str, row: TensorStatistics, spec: TensorSpec) -> dict[str, float]:
    """The same features from what the device counted."""
    del spec  # the device dequantized already
    count = max(1, row.count)
    found = {f"{name} missing": row.nan / count, f"{name} saturated": row.saturated / count}
    if row.count > row.nan:
        found |= _moments(name, row.min, row.max, row.mean, row.rms * row.rms)
    return found


def of_output(name: str, value: Array, spec: TensorSpec) -> dict[str, float]:
    """Of a list of scores: the best class, its score, and how spread they are; of anything else as `of_tensor`."""
    real = dequantize(value, spec)
    if sum(d > 1 for d in real.shape) != 1 or real.size > LIMIT_SCORES or not np.isfinite(real).all():
        return of_tensor(name, value, spec)
    scores = real.ravel()
    shares = np.exp(scores - scores.max()) if scores.min() < 0 or abs(scores.sum() - 1) > 0.1 else np.abs(scores)
    shares = shares / max(shares.sum(), 1e-300)
    logs = np.log(np.where(shares > 0, shares, 1.0))
    return {
        f"{name} top-1": float(scores.argmax()),
        f"{name} best share": float(shares.max()),
        f"{name} entropy": float(-(shares * logs).sum() / math.log(len(shares))),
    }


def together(tables: Sequence[FeatureTable]) -> tuple[str, ...]:
    """Names of the features that every table tells."""
    if not tables:
        return ()
    told = [{name for name in t.names if len(t.column(name))} for t in tables]
    return tuple(name for name in tables[0].names if all(name in names for names in told))


def _moments(name: str, low: float, high: float, mean: float, square: float) -> dict[str, float]:
    spread = math.sqrt(max(0.0, square - mean * mean))
    return {f"{name} min": low, f"{name} max": high, f"{name} mean": mean, f"{name} spread": spread}
