"""Layers that take far more time than their work explains: how a slow kernel shows within one run."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

from farm.compare.latency import layer_times
from farm.reference.cost import node_cost

if TYPE_CHECKING:
    from farm.capture.recording import Recording
    from farm.model.graph import Graph
    from farm.store.artifacts import ArtifactStore

TIMES = 20.0
"""Depthwise convolutions need some five times as long for the same arithmetic as dense ones, by nature."""
SHARE = 0.25
"""Of all time, below which a slow layer is no trouble."""
FEW = 4


@dataclass(frozen=True)
class Straggler:
    """One layer."""

    node: int
    op: str
    share: float
    """Of the time of all layers."""
    work: float
    """Of the multiply-accumulates of all layers."""
    times: float
    """Its time for a unit of work, in units of the other layers' median."""


def stragglers(recording: Recording | None, graph: Graph, artifacts: ArtifactStore) -> tuple[Straggler, ...] | None:
    """The slowest first; None where fewer than `FEW` layers with arithmetic in them were timed."""
    times = layer_times(recording, graph, artifacts) if recording is not None and recording.ops else {}
    costs = {node: node_cost(graph, graph.nodes[node]) for node in times}
    known = [n for n in times if costs[n] > 0 and times[n] > 0]
    if len(known) < FEW:
        return None
    total, work = sum(times.values()), sum(costs.values())
    found = []
    for node in known:
        others = statistics.median(times[n] / costs[n] for n in known if n != node)
        share, ratio = times[node] / total, times[node] / costs[node] / others
        if share >= SHARE and ratio >= TIMES:
            found.append(Straggler(node, graph.nodes[node].op, share, costs[node] / work, ratio))
    return tuple(sorted(found, key=lambda s: -s.share))
