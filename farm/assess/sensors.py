"""What an app read of the world around it, told in frame time: so that it can be played again beside the frames.

The table `sensors.tsv` stands in the folder of frames, a line a reading, tabs between its columns: the frame's file, milliseconds
since that frame began, the sensor's name, its values. A reading belongs to the frame that began last before it; one before
the first frame to that one, at a time below zero.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from farm.capture.recording import Recording
    from farm.capture.rows import SensorRow
    from farm.store.artifacts import ArtifactStore

FILE = "sensors.tsv"
COLUMNS = "frame\tms\tsensor\tvalues"
LIMIT_BYTES = 64 << 20


@dataclass(frozen=True)
class Reading:
    """One reading of a sensor."""

    frame: str
    """Name of the frame's file."""
    ms: float
    """Since the frame began."""
    sensor: str
    values: tuple[float, ...]


def readings(recording: Recording, names: Mapping[int, str], artifacts: ArtifactStore) -> list[Reading]:
    """Those of a recording, in the order they were taken; frames are called as in `names`. None where it has no frame in time."""
    rows = recording.sensor_rows(artifacts)
    begun = sorted((t.start_ns, t.index) for t in recording.frame_times(artifacts) if t.start_ns and t.index in names)
    if not begun or not rows:
        return []
    starts = [start for start, _ in begun]
    found = []
    for time_ns, sensor, values in _whole(rows):
        start, index = begun[max(0, bisect_right(starts, time_ns) - 1)]
        found.append(Reading(names[index], (time_ns - start) / 1e6, sensor, values))
    return found


def _whole(rows: Sequence[SensorRow]) -> list[tuple[int, str, tuple[float, ...]]]:
    """The readings that rows of one number each are of: each starts with its axis 0."""
    found: list[tuple[int, str, list[float]]] = []
    for row in rows:
        if row.axis == 0 or not found:
            found.append((row.time_ns, row.name, []))
        found[-1][2].append(row.value)
    return [(time, name, tuple(values)) for time, name, values in found]


def table(found: Sequence[Reading], frames: Collection[str]) -> str:
    """`sensors.tsv`, of the readings that belong to these frames; white space in names of sensors becomes a blank."""
    lines = [COLUMNS]
    for r in found:
        if r.frame in frames:
            values = " ".join(f"{value:.9g}" for value in r.values)
            lines.append(f"{r.frame}\t{r.ms:.3f}\t{' '.join(r.sensor.split())}\t{values}")
    return "\n".join(lines) + "\n"
