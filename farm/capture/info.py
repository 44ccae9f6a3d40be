"""What a capture holds, without storing it: one reading, in the memory of one chunk."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from farm.capture import exray_pb2 as pb
from farm.capture.container import Container
from farm.capture.ingest import first, header_of
from farm.capture.messages import TensorData, read
from farm.capture.recording import Header

if TYPE_CHECKING:
    from pathlib import Path

    from farm.capture.container import Limits


class Info(BaseModel):
    """A capture in figures."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: str
    bytes: int
    header: Header
    complete: bool
    """The agent wrote its last message."""
    indexed: bool
    """Index and footer stand at its end; `recover` writes them again."""
    left_out_bytes: int
    """At its end, from the first record that is not whole."""
    chunks: int
    messages: dict[str, int]
    """By kind of message."""
    tensor_bytes: int
    tensors: int
    """That were announced."""
    frames: int
    """With at least one tensor in full."""
    statistics_frames: int
    invocations: int
    seconds: float
    """From the start of the first invocation to the end of the last."""
    peak_rss_bytes: int


def info(capture: Path, limits: Limits | None = None) -> Info:
    """Read a capture through and tell what it holds.

    Raises:
        CaptureError: it is none, breaks the format's rules or limits, needs a newer farm, or lost its header.
    """
    with capture.open("rb") as file:
        container = Container(file, str(capture), limits)
        messages = read(container)
        header = first(messages, container)
        if header is None:
            raise container.error("was cut off before its header was whole", "there is nothing to read")
        counts = {"Header": 1}
        full: set[int] = set()
        reduced: set[int] = set()
        tensor_bytes, peak, start, end = 0, 0, None, 0
        for message in messages:
            kind = type(message).__name__
            counts[kind] = counts.get(kind, 0) + 1
            if isinstance(message, TensorData):
                tensor_bytes += len(message.data)
                full.add(message.frame)
            elif isinstance(message, pb.Statistics):
                reduced.add(message.frame)
            elif isinstance(message, pb.Memory):
                peak = max(peak, message.peak_rss_bytes or message.rss_bytes)
            elif isinstance(message, pb.Frame):
                start = message.start_ns if start is None else start
                end = max(end, message.start_ns + message.preprocess_ns + message.invoke_ns)
            if len(full) + len(reduced) > container.limits.frames:
                raise container.error(f"over {container.limits.frames} frames")
        return Info(
            path=str(capture),
            bytes=container.size,
            header=header_of(header, ""),
            complete="End" in counts,
            indexed=container.indexed,
            left_out_bytes=container.size - container.read_to,
            chunks=container.chunks,
            messages=counts,
            tensor_bytes=tensor_bytes,
            tensors=counts.get("TensorSpec", 0),
            frames=len(full),
            statistics_frames=len(reduced),
            invocations=counts.get("Frame", 0),
            seconds=0.0 if start is None else (end - start) / 1e9,
            peak_rss_bytes=peak,
        )
