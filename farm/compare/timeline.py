"""The invocations of a pass in the order they ran, as few points as a page can draw."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

from farm.report.document import TimelinePoint

if TYPE_CHECKING:
    from farm.capture.recording import Recording
    from farm.store.artifacts import ArtifactStore

LIMIT_POINTS = 500
MIB = 1 << 20


def timeline(recording: Recording, artifacts: ArtifactStore) -> tuple[TimelinePoint, ...]:
    """Latency and memory along a pass; beyond `LIMIT_POINTS` invocations, neighbors share a point."""
    times = recording.frame_times(artifacts)
    memory = {sample.frame: sample.rss_bytes / MIB for sample in recording.memory_samples(artifacts)}
    each = -(-len(times) // LIMIT_POINTS) or 1
    points = []
    for start in range(0, len(times), each):
        some = times[start : start + each]
        spent = [t.invoke_ns / 1e6 for t in some]
        known = [memory[t.index] for t in some if t.index in memory]
        points.append(
            TimelinePoint(
                first=start,
                count=len(some),
                ms=statistics.median(spent),
                worst_ms=max(spent),
                memory_mb=max(known) if known else None,
            )
        )
    return tuple(points)
