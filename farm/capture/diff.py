"""Two recordings side by side: where they come from, what they logged, and by how much the tensors they share differ."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import BaseModel, ConfigDict

from farm.capture.recording import dequantize

if TYPE_CHECKING:
    from farm.capture.opened import Opened
    from farm.capture.recording import TensorSpec

    Array = np.ndarray[Any, Any]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Changed(_Model):
    """A word that is not the same in both."""

    field: str
    a: str
    b: str


class TensorDiff(_Model):
    """A tensor, over the frames that both logged in full."""

    tensor: int
    name: str
    frames: int
    equal: int
    """Frames in which every bit is the same."""
    max_abs: float | None
    """Largest difference of real values; None where one side is not finite, or type or shape differ."""
    rmse: float | None
    """Over all frames; None as above."""


class Diff(_Model):
    """What differs between two captures."""

    a: str
    b: str
    same: bool
    """The same tensors over the same frames, bit for bit; times and header are not asked."""
    header: tuple[Changed, ...]
    specs: tuple[Changed, ...]
    """Tensors that one of the two lacks, or describes otherwise."""
    frames: int
    """Logged in full by both."""
    frames_a: int
    frames_b: int
    tensors: tuple[TensorDiff, ...]
    invoke_ms_a: float | None
    """Median of the invocations."""
    invoke_ms_b: float | None
    peak_rss_bytes_a: int
    peak_rss_bytes_b: int


def diff(a: Opened, b: Opened) -> Diff:
    """Compare two recordings; one frame of each is in memory at a time."""
    mine, other = a.recording, b.recording
    header = _changed(mine.header.model_dump(), other.header.model_dump())
    specs = _changed(_specs(a), _specs(b))
    shared = sorted(mine.frames.keys() & other.frames.keys())
    sums: dict[int, _Sum] = {}
    same = not specs and mine.frames.keys() == other.frames.keys()
    for frame in shared:
        x, y = mine.tensors(a.artifacts, frame), other.tensors(b.artifacts, frame)
        same = same and x.keys() == y.keys()
        for tensor in sorted(x.keys() & y.keys()):
            found = sums.setdefault(tensor, _Sum())
            found.add(x[tensor], y[tensor], mine.by_tensor[tensor], other.by_tensor[tensor])
    tensors = tuple(s.told(t, mine.by_tensor[t].name) for t, s in sums.items())
    return Diff(
        a=a.name,
        b=b.name,
        same=same and all(t.equal == t.frames for t in tensors),
        header=header,
        specs=specs,
        frames=len(shared),
        frames_a=len(mine.frames),
        frames_b=len(other.frames),
        tensors=tensors,
        invoke_ms_a=_median_ms(a),
        invoke_ms_b=_median_ms(b),
        peak_rss_bytes_a=mine.peak_rss_bytes,
        peak_rss_bytes_b=other.peak_rss_bytes,
    )


class _Sum:
    """One tensor's differences so far."""

    def __init__(self) -> None:
        self.frames = self.equal = self.values = 0
        self.gap = self.squares = 0.0
        self.broken = False

    def add(self, x: Array, y: Array, mine: TensorSpec, other: TensorSpec) -> None:
        self.frames += 1
        alike = x.dtype == y.dtype and x.shape == y.shape
        if alike and np.array_equal(x.reshape(-1).view(np.uint8), y.reshape(-1).view(np.uint8)):
            self.equal += 1
            self.values += x.size
            return
        if not alike or not x.size:
            self.broken = True
            return
        with np.errstate(invalid="ignore", over="ignore"):
            gaps = dequantize(x, mine) - dequantize(y, other)
            gap, squares = float(np.abs(gaps).max()), float(np.square(gaps).sum())
        self.broken = self.broken or not np.isfinite([gap, squares]).all()
        self.gap, self.squares, self.values = max(self.gap, gap), self.squares + squares, self.values + x.size

    def told(self, tensor: int, name: str) -> TensorDiff:
        return TensorDiff(
            tensor=tensor,
            name=name,
            frames=self.frames,
            equal=self.equal,
            max_abs=None if self.broken else self.gap,
            rmse=None if self.broken else (self.squares / max(1, self.values)) ** 0.5,
        )


def _changed(a: dict[str, Any], b: dict[str, Any]) -> tuple[Changed, ...]:
    return tuple(
        Changed(field=key.rstrip("_"), a=str(a.get(key, "none")), b=str(b.get(key, "none")))
        for key in dict.fromkeys((*a, *b))
        if a.get(key) != b.get(key)
    )


def _specs(what: Opened) -> dict[str, str]:
    return {f"{s.tensor} {s.name}".strip(): _told(s) for s in what.recording.specs}


def _told(spec: TensorSpec) -> str:
    scale = f" scale {spec.scale[0]:g} zero {spec.zero_point[:1]}" if len(spec.scale) == 1 else ""
    return f"{spec.dtype} {list(spec.shape)}{scale or f' {len(spec.scale)} scales' * bool(spec.scale)}"


def _median_ms(what: Opened) -> float | None:
    times = [t.invoke_ns for t in what.recording.frame_times(what.artifacts)]
    return statistics.median(times) / 1e6 if times else None
