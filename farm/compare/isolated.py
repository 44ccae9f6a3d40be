"""The isolated pass against the reference that fed it: what every operator does wrong by itself (docs/comparison.md)."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

from farm.compare.difference import BROKEN, Difference, difference

if TYPE_CHECKING:
    from farm.capture.recording import Recording
    from farm.model.graph import Graph
    from farm.store.artifacts import ArtifactStore

FED_BY = "reference"
"""Label of an isolated capture: the reference whose tensors it was fed."""


@dataclass(frozen=True)
class OwnError:
    """Of one tensor, made by its node alone."""

    nrmse: float
    """As `Difference.nrmse`; median over frames, `BROKEN` when one frame is."""
    lsb: float | None
    """Largest difference in steps of the tensor's scale; None when it is not quantized."""


def compare_isolated(
    device_isolated: Recording, reference: Recording, graph: Graph, artifacts: ArtifactStore
) -> dict[int, OwnError]:
    """Own error by tensor index, of every tensor that a node makes and both logged, over the frames both logged.

    `reference` must be the recording whose tensors were fed: against another one, an own error would hold the difference of
    the two references.
    """
    made = {t for node in graph.nodes for t in node.outputs if t >= 0 and t not in graph.from_constants}
    found: dict[int, list[Difference]] = {}
    for frame in sorted(device_isolated.frames.keys() & reference.frames.keys()):
        mine, other = device_isolated.tensors(artifacts, frame), reference.tensors(artifacts, frame)
        for index in made & mine.keys() & other.keys():
            found.setdefault(index, []).append(difference(mine[index], other[index], graph.tensors[index]))
    return {index: _over_frames(found[index]) for index in sorted(found)}


def fed_by(isolated: Recording, reference: Recording, *, default: bool) -> bool:
    """Whether `reference` fed an isolated recording; `default` where the recording does not tell."""
    name = isolated.header.labels.get(FED_BY, "")
    return name == reference.header.source if name else default


def _over_frames(found: list[Difference]) -> OwnError:
    lsb = [d.lsb for d in found if d.lsb is not None]
    return OwnError(
        # A frame that cannot be measured is a fault however many others agree.
        nrmse=BROKEN if any(d.nrmse >= BROKEN for d in found) else statistics.median(d.nrmse for d in found),
        lsb=max(lsb) if lsb else None,
    )
