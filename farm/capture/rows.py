"""The rows of a recording's tables."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict

Int32 = Annotated[int, "int32"]
UInt32 = Annotated[int, "uint32"]
UInt64 = Annotated[int, "uint64"]
"""What a column of a table is stored as."""


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class FrameTime(_Model):
    """One invocation."""

    index: UInt32
    repetition: UInt32
    name: str
    preprocess_ns: UInt64
    invoke_ns: UInt64
    start_ns: UInt64 = 0
    """The device's monotonic clock, before pre-processing; 0: not told."""
    duration_ns: UInt64 = 0
    """Of pass `app`: of the whole frame; 0: not told."""


class OpTime(_Model):
    """One event of the runtime's profiler."""

    frame: UInt32
    tag: str
    type: Int32
    index: UInt64
    duration_us: UInt64
    start_us: UInt64 = 0
    """The profiler's clock; 0: not told."""


class MemorySample(_Model):
    """Of the agent's process, after a frame."""

    frame: UInt32
    time_ns: UInt64
    rss_bytes: UInt64
    peak_rss_bytes: UInt64
    """0 where it was not asked for."""


class SampleRow(_Model):
    """One figure that the sampler read, as the device tells it. Without a source: the moment at which a phase begins."""

    time_ns: UInt64
    """Of the clock of `FrameTime.start_ns`; the middle of the reading."""
    took_ns: UInt64
    phase: str
    """`idle`, `warm-up`, `frames`, `over`; empty before them."""
    source: str
    """`power/NAME/current_now`, `clock/N/khz`, `zone/N/TYPE`, `load/busy_ticks`, `memory/rss_bytes`, ..."""
    value: int
    """In the unit of the node."""


class TensorStatistics(_Model):
    """A tensor of a frame that was not logged in full, over its finite values, dequantized."""

    frame: UInt32
    tensor: int
    """As `TensorSpec.tensor`."""
    count: UInt64
    """Of all values."""
    min: float
    max: float
    mean: float
    rms: float
    saturated: UInt64
    """Values at the limits of their integer type, or infinite."""
    nan: UInt64


class ElementRow(_Model):
    """Something that an app logged of a frame, or a latency of its own."""

    frame: int
    """-1: of no frame."""
    time_ns: UInt64
    """Of the clock of `FrameTime.start_ns`; of a span its start."""
    name: str
    kind: str
    """`scalar`, `tensor`, `image`, `text`, `bytes`, `span`, `assertion` (something that did not hold)."""
    dtype: str
    """numpy's name; empty where there is none."""
    shape: str
    """Sides with commas between; of an image height, width, channels."""
    format: str
    """Of an image: `rgb`, `bgr`, `rgba`, `bgra`, `argb`, `gray`."""
    value: float
    """Of a scalar; of a span nanoseconds."""
    sha256: str
    """Of the artifact that holds its bytes; empty where it has none."""


class SensorRow(_Model):
    """One number of a reading that an app took of the world around it."""

    time_ns: UInt64
    name: str
    axis: UInt32
    value: float
