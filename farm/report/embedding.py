"""A layer's outputs as points of a plane: what edge and reference made of each frame, on one common basis."""

from __future__ import annotations

from farm.report.base import Part


class EmbeddedFrame(Part):
    """One frame, twice. Scores are in the tensor's own unit."""

    frame: int
    name: str = ""
    edge: tuple[float, float]
    reference: tuple[float, float]
    apart: float
    """Euclidean distance of the two outputs over all values that were taken, not of the two points alone."""


class Embedding(Part):
    """One layer, over the frames both logged in full."""

    node: int
    """-1 for a model input."""
    op: str
    tensor: str
    reference: str
    values: int
    """Of one output."""
    each: int = 1
    """Every so many-th value was taken; 1: all."""
    shares: tuple[float, float]
    """Of the variance over all points, what each axis shows."""
    frames: tuple[EmbeddedFrame, ...]
    left_out: tuple[int, ...] = ()
    """Frames with a value that is no finite number."""
